#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/text.h"
#include "commands.h"
#include "image/image_builder.h"
#include "image/sources.h"
#include "image_arguments.h"

namespace cg {
namespace fs = std::filesystem;

Registered add_create_command(CLI::App& app, CommonOptions& options) {
  struct State {
    std::vector<std::string> from;
    ImageArguments image;
  };
  auto state = std::make_shared<State>();
  CLI::App* command = app.add_subcommand("create", "Make an ext4 image from directories and tars; later ones lie over earlier ones");
  command->add_option("--from", state->from, "A directory, or a tar in any compression ('-': standard input)")->required();
  command->add_option("-o,--output", options.output, "The image")->required();
  add_image_arguments(*command, state->image);
  return {command, [state](Context& context) -> Result<int> {
            const auto start = std::chrono::steady_clock::now();
            CG_TRY(image_options, state->image.resolve(context.env));
            CG_TRY(builder, image::ImageBuilder::create(context.options.output, image_options));
            for (const auto& from : state->from) {
              std::error_code error;
              if (fs::is_directory(from, error)) CG_CHECK(image::add_directory(builder, from));
              else CG_CHECK(image::add_archive(builder, from));
            }
            CG_TRY(summary, builder.finish());
            if (summary.verity) CG_CHECK(write_root_hash(context.options.output, *summary.verity));
            const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
            print_summary(summary, took.count(), context);
            return exit_good;
          }};
}

}  // namespace cg
