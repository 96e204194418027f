#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>

#include "base/cli/cli.h"
#include "base/cli/watch.h"
#include "commands/commands.h"
#include "commands/image_arguments.h"
#include "commands/image_output.h"
#include "commands/image_report.h"
#include "image/image_builder.h"
#include "image/sources/sources.h"
#include "image/tree/tree_policy.h"

namespace cg {

Command create_command(CommonOptions& common) {
  struct State {
    std::vector<std::string> from;
    ImageArguments image;
    std::vector<std::string> uid_maps;
    std::vector<std::string> gid_maps;
    bool no_devices = false;
    std::string report;
    std::string most_unpacked;
    std::string platform;
    bool strict_attributes = false;
  };
  auto state = std::make_shared<State>();
  return {
      .name = "create",
      .help = "Make an image from directories and tars; later ones lie over earlier ones",
      .options = image_options(
          state->image,
          {{"--from SOURCE...",
            &state->from,
            "A directory, an OCI image layout, or a tar in any compression ('-': standard input); "
            "several are layers, with OCI whiteouts",
            {.required = true}},
           {"-o,--output IMAGE", &common.output, "The image; - is standard output", {.required = true}},
           {"--uid-map FROM:TO:COUNT...", &state->uid_maps,
            "Users FROM to FROM+COUNT-1 become TO and up; users that no map holds are refused"},
           {"--gid-map FROM:TO:COUNT...", &state->gid_maps, "The same for groups"},
           {"--no-devices", &state->no_devices, "Refuse input with device nodes"},
           {"--strict-attributes", &state->strict_attributes,
            "Refuse tars with attributes that Linux does not store (com.apple.*), instead of leaving them "
            "out"},
           {"--platform OS/ARCHITECTURE", &state->platform,
            "Of a layout or archive with images for several: linux/arm64, arm/v7 (default: this machine's)"},
           {"--max-unpacked SIZE", &state->most_unpacked,
            "What a compressed input may unpack to (default: 1G, or 100 times its size)"},
           {"--report FILE", &state->report,
            "Write what the image holds (path, size, SHA-256, owner, mode) to this file, as JSON; - is "
            "standard "
            "output"}}),
      .examples = {{"rootfs-builder create --from debian.tar --from overlay/ -o root.img", ""},
                   {"rootfs-builder create --from dir --form kata-erofs --verity -o criu.img",
                    "an extension image for Kata, with its dm-verity tree"}},
      .run = [state](Context& context) -> Result<int> {
        const auto start = std::chrono::steady_clock::now();
        CG_TRY(image_options, state->image.resolve(context.env));
        CG_TRY(place, ImageOutput::create(context.options.output, context.env));
        if (place.is_stream() && (state->image.verity || state->report == "-"))
          return usage_error(fmt::format("-o -: {} as well; name a file for the image",
                                         state->image.verity ? "--verity writes IMAGE.root_hash.txt"
                                                             : "--report goes to standard output"));
        const std::string& output = place.file();
        std::optional<Watch> watch(std::in_place, "writing " + context.options.output, context);
        CG_TRY(builder, image::ImageBuilder::create(output, std::move(image_options)));
        using Whiteouts = image::ArchiveOptions::Whiteouts;
        image::ArchiveOptions layers{
            .wanted = {}, .whiteouts = state->from.size() > 1 ? Whiteouts::applied : Whiteouts::names};
        layers.platform = state->platform;
        using Foreign = image::ArchiveOptions::Foreign;
        layers.foreign = state->strict_attributes ? Foreign::refused : Foreign::left_out;
        if (!context.options.quiet) layers.say = [&](const std::string& what) { watch->say(what); };
        if (!state->most_unpacked.empty()) {
          CG_TRY(most, image::parse_size(state->most_unpacked));
          layers.most_unpacked = most;
        }
        for (const auto& from : state->from) {
          watch->at("reading " + from);
          CG_CHECK(image::add_source(builder, from, layers));
        }
        watch->at("file system");
        image::TreePolicy policy;
        policy.devices =
            state->no_devices ? image::TreePolicy::Devices::refused : image::TreePolicy::Devices::stored;
        for (const auto& [texts, ranges] :
             {std::pair{&state->uid_maps, &policy.uids}, std::pair{&state->gid_maps, &policy.gids}})
          for (const auto& text : *texts) {
            CG_TRY(range, image::parse_id_range(text));
            ranges->push_back(range);
          }
        CG_CHECK(image::apply(policy, builder.tree()));
        CG_TRY(summary, builder.finish());
        CG_CHECK(write_root_hash(output, summary));
        if (!state->report.empty()) {
          watch->at("report");
          CG_TRY(report, image_report(output, context.options.output));
          watch.reset();
          CG_CHECK(write_output(report, state->report, context.env));
        }
        watch.reset();
        CG_CHECK(place.deliver(context.env));
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        print_summary(summary, took.count(), context);
        return exit_good;
      }};
}

}  // namespace cg
