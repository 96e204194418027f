#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/text.h"
#include "commands.h"
#include "image/image_builder.h"
#include "image/sources.h"
#include "image_arguments.h"

namespace cg {
Registered add_create_command(CLI::App& app, CommonOptions& options) {
  struct State {
    std::vector<std::string> from;
    ImageArguments image;
  };
  auto state = std::make_shared<State>();
  CLI::App* command = app.add_subcommand("create", "Make an ext4 image from directories and tars; later ones lie over earlier ones");
  command->add_option("--from", state->from, "A directory, an OCI image layout, or a tar in any compression ('-': standard input); several are layers, with OCI whiteouts")->required();
  command->add_option("-o,--output", options.output, "The image")->required();
  add_image_arguments(*command, state->image);
  return {command, [state](Context& context) -> Result<int> {
            const auto start = std::chrono::steady_clock::now();
            CG_TRY(image_options, state->image.resolve(context.env));
            if (image_options.frame.form == image::Form::initrd)
              return usage_error("create makes disks; make one, then 'convert IMAGE --form initrd -o INITRD'");
            CG_TRY(builder, image::ImageBuilder::create(context.options.output, image_options));
            using Whiteouts = image::ArchiveOptions::Whiteouts;
            const image::ArchiveOptions layers{.wanted = {}, .whiteouts = state->from.size() > 1 ? Whiteouts::applied : Whiteouts::names};
            for (const auto& from : state->from) CG_CHECK(image::add_source(builder, from, layers));
            CG_TRY(summary, builder.finish());
            if (summary.verity) CG_CHECK(write_root_hash(context.options.output, *summary.verity));
            const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
            print_summary(summary, took.count(), context);
            return exit_good;
          }};
}

}  // namespace cg
