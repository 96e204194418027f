// convert: an image in another form.
#include <fcntl.h>
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/file.h"
#include "base/text.h"
#include "commands.h"
#include "image/extract.h"
#include "image/initrd.h"
#include "image/sources.h"
#include "image_arguments.h"
#include "image_choice.h"

namespace cg {
namespace {

struct ConvertArguments {
  ImageChoice choice;
  ImageArguments image;
  std::string compression = "gzip";
};

Result<int> to_initrd(const ConvertArguments& arguments, const image::ImageReader& reader, Context& context) {
  const std::string& output = context.options.output;
  CG_TRY(compression, image::parse_compression(arguments.compression));
  CG_TRY(file, AtomicFile::create(output));
  CG_TRY(summary, image::write_initrd(reader, file.fd(), output, compression));
  CG_CHECK(file.commit());
  if (context.options.format == "json") {
    const nlohmann::ordered_json json = {{"schema", "criu-guest/initrd-summary"},
                                         {"version", 1},
                                         {"image", output},
                                         {"files", summary.files},
                                         {"bytes", summary.bytes},
                                         {"attributes_left_out", summary.attributes}};
    context.env.out << json.dump(2) << "\n";
  } else if (!context.options.quiet) {
    context.env.err << fmt::format(
        "{}: {} entries, {} unpacked{}\n", output, summary.files, human_size(summary.bytes),
        summary.attributes
            ? fmt::format(", without {} extended attributes, which an initrd cannot hold", summary.attributes)
            : "");
  }
  return exit_good;
}

// The files pass through a tar without a name: the new file system is laid out afresh.
Result<int> to_disk(const image::ImageReader& reader, const image::ImageOptions& options, Context& context) {
  const auto start = std::chrono::steady_clock::now();
  const std::string& output = context.options.output;
  std::filesystem::path beside = std::filesystem::path(output).parent_path();
  if (beside.empty()) beside = ".";
  const UniqueFd tar(open(beside.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!tar) return cannot_errno("a temporary file in " + beside.string(), errno);
  CG_CHECK(image::extract_tar(reader, "/", tar.get(), "a temporary file in " + beside.string()));
  CG_TRY(builder, image::ImageBuilder::create(output, options));
  CG_CHECK(image::add_archive(builder, fmt::format("/proc/self/fd/{}", tar.get())));
  CG_TRY(summary, builder.finish());
  if (summary.verity) CG_CHECK(write_root_hash(output, *summary.verity));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  print_summary(summary, took.count(), context);
  return exit_good;
}

}  // namespace

Registered add_convert_command(CLI::App& app, CommonOptions& options) {
  auto arguments = std::make_shared<ConvertArguments>();
  CLI::App* command = app.add_subcommand("convert", "Make an image of another form out of an image");
  add_image_choice(*command, arguments->choice);
  command->add_option("-o,--output", options.output, "The new image")->required();
  add_image_arguments(*command, arguments->image);
  command->add_option("--compress", arguments->compression, "Of an initrd: none, gzip, zstd or lzma")
      ->capture_default_str();
  return {command, [arguments](Context& context) -> Result<int> {
            CG_TRY(image_options, arguments->image.resolve(context.env));
            CG_TRY(reader, arguments->choice.open());
            if (image_options.label.empty()) image_options.label = reader.info().label;
            return image_options.frame.form == image::Form::initrd ? to_initrd(*arguments, reader, context)
                                                                   : to_disk(reader, image_options, context);
          }};
}

}  // namespace cg
