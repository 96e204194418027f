#include <chrono>
#include <memory>

#include "commands/commands.h"
#include "commands/image_report.h"
#include "commands/new_image.h"
#include "image/sources/sources.h"
#include "image/tree/tree_policy.h"

namespace cg {

Registered add_create_command(CLI::App& app, CommonOptions& options) {
  struct State {
    std::vector<std::string> from;
    ImageArguments image;
    std::vector<std::string> uid_maps;
    std::vector<std::string> gid_maps;
    bool no_devices = false;
    std::string report;
    std::string most_unpacked;
    std::string platform;
  };
  auto state = std::make_shared<State>();
  CLI::App* command = app.add_subcommand(
      "create", "Make an image from directories and tars; later ones lie over earlier ones");
  command
      ->add_option("--from", state->from,
                   "A directory, a tar ('-': standard input), an OCI image layout or an archive of docker, "
                   "podman or skopeo, of which PATH:TAG is one image; several are layers, with OCI whiteouts")
      ->required();
  command->add_option("-o,--output", options.output, "The image")->required();
  add_image_arguments(*command, state->image);
  command
      ->add_option("--uid-map", state->uid_maps,
                   "Users FROM to FROM+COUNT-1 become TO and up; users that no map holds are refused")
      ->type_name("FROM:TO:COUNT");
  command->add_option("--gid-map", state->gid_maps, "The same for groups")->type_name("FROM:TO:COUNT");
  command->add_flag("--no-devices", state->no_devices, "Refuse input with device nodes");
  command
      ->add_option("--max-unpacked", state->most_unpacked,
                   "What a compressed input may unpack to (default: 1G, or 100 times its size)")
      ->type_name("SIZE");
  command
      ->add_option("--platform", state->platform,
                   "Of container images for several: this one's (default: this machine's)")
      ->type_name("OS/ARCH[/VARIANT]");
  command->add_option("--report", state->report,
                      "Write what the image holds (path, size, SHA-256, owner, mode) to this file, as JSON");
  return {command, [state](Context& context) -> Result<int> {
            const auto start = std::chrono::steady_clock::now();
            CG_TRY(made, NewImage::begin(state->image, context.options.output, context.env));
            image::ImageBuilder& builder = made.builder();
            using Whiteouts = image::ArchiveOptions::Whiteouts;
            image::ArchiveOptions layers{
                .wanted = {}, .whiteouts = state->from.size() > 1 ? Whiteouts::applied : Whiteouts::names};
            layers.platform = state->platform;
            if (!state->most_unpacked.empty()) {
              CG_TRY(most, image::parse_size(state->most_unpacked));
              layers.most_unpacked = most;
            }
            for (const auto& from : state->from) CG_CHECK(image::add_source(builder, from, layers));
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
            CG_TRY(summary, made.finish());
            if (!state->report.empty()) CG_CHECK(write_image_report(context.options.output, state->report));
            const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
            std::visit([&](const auto& said) { print_summary(said, took.count(), context); }, summary);
            return exit_good;
          }};
}

}  // namespace cg
