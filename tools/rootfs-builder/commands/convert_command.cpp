// convert: an image in another form.
#include <chrono>
#include <memory>
#include <optional>

#include "base/cli/watch.h"
#include "commands/commands.h"
#include "commands/image_arguments.h"
#include "commands/image_choice.h"
#include "commands/image_output.h"
#include "image/convert.h"

namespace cg {
namespace {

struct ConvertArguments {
  ImageChoice choice;
  ImageArguments image;
};

}  // namespace

Command convert_command(CommonOptions& common) {
  auto arguments = std::make_shared<ConvertArguments>();
  return {
      .name = "convert",
      .help = "Make an image of another form out of an image",
      .options = image_options(
          arguments->image, image_choice_options(arguments->choice, {{"-o,--output IMAGE",
                                                                      &common.output,
                                                                      "The new image; - is standard output",
                                                                      {.required = true}}})),
      .examples = {{"rootfs-builder convert kata.img --form initrd -o kata.initrd", ""}},
      .run = [arguments](Context& context) -> Result<int> {
        CG_TRY(image_options, arguments->image.resolve(context.env));
        CG_TRY(reader, arguments->choice.open(context));
        if (image_options.label.empty()) image_options.label = reader.info().label;
        CG_TRY(place, ImageOutput::create(context.options.output, context.env));
        if (place.is_stream() && arguments->image.verity)
          return usage_error("-o -: --verity writes IMAGE.root_hash.txt as well; name a file for the image");
        const auto start = std::chrono::steady_clock::now();
        std::optional<Watch> watch(std::in_place, "writing " + context.options.output, context);
        CG_TRY(summary, image::convert(reader, place.file(), image_options));
        CG_CHECK(write_root_hash(place.file(), summary));
        watch.reset();
        CG_CHECK(place.deliver(context.env));
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        print_summary(summary, took.count(), context);
        return exit_good;
      }};
}

}  // namespace cg
