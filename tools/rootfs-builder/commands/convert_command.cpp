// convert: an image in another form.
#include <chrono>
#include <memory>

#include "commands/commands.h"
#include "commands/image_arguments.h"
#include "commands/image_choice.h"
#include "image/convert.h"

namespace cg {
namespace {

struct ConvertArguments {
  ImageChoice choice;
  ImageArguments image;
};

}  // namespace

Registered add_convert_command(CLI::App& app, CommonOptions& options) {
  auto arguments = std::make_shared<ConvertArguments>();
  CLI::App* command = app.add_subcommand("convert", "Make an image of another form out of an image");
  add_image_choice(*command, arguments->choice);
  command->add_option("-o,--output", options.output, "The new image")->required();
  add_image_arguments(*command, arguments->image);
  return {command, [arguments](Context& context) -> Result<int> {
            CG_TRY(image_options, arguments->image.resolve(context.env));
            CG_TRY(reader, arguments->choice.open(context));
            if (image_options.label.empty()) image_options.label = reader.info().label;
            const auto start = std::chrono::steady_clock::now();
            CG_TRY(summary, image::convert(reader, context.options.output, image_options));
            CG_CHECK(write_root_hash(context.options.output, summary));
            const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
            print_summary(summary, took.count(), context);
            return exit_good;
          }};
}

}  // namespace cg
