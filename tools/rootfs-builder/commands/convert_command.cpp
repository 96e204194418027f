// convert: an image in another form.
#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "base/file.h"
#include "commands/commands.h"
#include "commands/image_arguments.h"
#include "commands/image_choice.h"
#include "image/initrd/writer.h"
#include "image/tree/extract.h"
#include "image/tree/sources.h"

namespace cg {
namespace {

struct ConvertArguments {
  ImageChoice choice;
  ImageArguments image;
};

Result<int> to_initrd(const image::ImageReader& reader, const image::InitrdOptions& options,
                      Context& context) {
  const auto start = std::chrono::steady_clock::now();
  CG_TRY(file, AtomicFile::create(context.options.output));
  CG_TRY(summary, image::write_initrd(reader, file.fd(), options));
  CG_CHECK(file.commit());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  print_summary(summary, took.count(), context);
  return exit_good;
}

Result<int> finish(const image::ImageSummary& summary, std::chrono::steady_clock::time_point start,
                   Context& context) {
  if (summary.verity) CG_CHECK(write_root_hash(context.options.output, *summary.verity));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  print_summary(summary, took.count(), context);
  return exit_good;
}

// The files pass through a tar without a name: the new file system is laid out afresh.
Result<int> to_disk(const image::ImageReader& reader, const image::ImageOptions& options, Context& context) {
  const auto start = std::chrono::steady_clock::now();
  const std::string& output = context.options.output;
  CG_TRY(tar, nameless_file(std::filesystem::path(output).parent_path()));
  CG_CHECK(image::extract_tar(reader, "/", tar.get(), "a temporary file beside " + output));
  CG_TRY(builder, image::ImageBuilder::create(output, options));
  CG_CHECK(image::add_archive(builder, fmt::format("/proc/self/fd/{}", tar.get())));
  CG_TRY(summary, builder.finish());
  return finish(summary, start, context);
}

}  // namespace

Command convert_command(CommonOptions& common) {
  auto arguments = std::make_shared<ConvertArguments>();
  return {.name = "convert",
          .help = "Make an image of another form out of an image",
          .options = image_options(
              arguments->image,
              image_choice_options(arguments->choice, {{"-o,--output IMAGE",
                                                        &common.output,
                                                        "The new image",
                                                        {.required = true, .is_no_stream = true}}})),
          .examples = {{"rootfs-builder convert kata.img --form initrd -o kata.initrd", ""}},
          .run = [arguments](Context& context) -> Result<int> {
            CG_TRY(image_options, arguments->image.resolve(context.env));
            CG_TRY(reader, arguments->choice.open());
            if (image_options.label.empty()) image_options.label = reader.info().label;
            if (image::is_erofs(image_options.frame.form)) {
              CG_TRY(erofs, arguments->image.erofs(image_options));
              const auto start = std::chrono::steady_clock::now();
              CG_TRY(summary, image::write_erofs(reader, context.options.output, erofs));
              return finish(summary, start, context);
            }
            if (image_options.frame.form != image::Form::initrd)
              return to_disk(reader, image_options, context);
            CG_TRY(compression, arguments->image.initrd_compression());
            return to_initrd(reader, {compression, image_options.source_date_epoch}, context);
          }};
}

}  // namespace cg
