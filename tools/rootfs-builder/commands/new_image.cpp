#include "commands/new_image.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "image/reader.h"

namespace cg {
namespace fs = std::filesystem;

// A file beside the output that is gone in the end.
class NewImage::Between {
 public:
  explicit Between(const fs::path& output)
      : path_(output.parent_path() /
              fmt::format(".{}.{}.between.part", output.filename().string(), getpid())) {
    remove_when_interrupted(path_);
  }
  Between(const Between&) = delete;
  Between& operator=(const Between&) = delete;
  ~Between() {
    std::error_code ignored;
    fs::remove(path_, ignored);
    forget_when_interrupted(path_);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

NewImage::NewImage() = default;
NewImage::NewImage(NewImage&&) noexcept = default;
NewImage::~NewImage() = default;

Result<NewImage> NewImage::begin(const ImageArguments& arguments, const fs::path& output,
                                 const Environment& env) {
  CG_TRY(options, arguments.resolve(env));
  NewImage image;
  image.output_ = output;
  if (options.frame.form == image::Form::initrd) {
    CG_TRY(compression, arguments.initrd_compression());
    image.initrd_ = compression;
  }
  // mkfs.erofs takes no layers and no tar: an image in between has what it needs.
  if (image::is_erofs(options.frame.form)) {
    CG_TRY(erofs, arguments.erofs(options));
    image.erofs_ = std::move(erofs);
    options.frame = {};
    options.journal_bytes = 0;
    image.between_ = std::make_unique<Between>(output);
  }
  CG_TRY(builder,
         image::ImageBuilder::create(image.between_ ? image.between_->path() : output, std::move(options)));
  image.builder_.emplace(std::move(builder));
  return image;
}

Result<NewImage::Summary> NewImage::finish() {
  if (initrd_) {
    CG_TRY(summary, builder_->finish_initrd(*initrd_));
    return summary;
  }
  CG_TRY(summary, builder_->finish());
  if (erofs_) {
    CG_TRY(reader, image::ImageReader::open(between_->path()));
    CG_TRY(made, image::write_erofs(reader, output_, *erofs_));
    summary = std::move(made);
  }
  if (summary.verity) CG_CHECK(write_root_hash(output_.string(), *summary.verity));
  return summary;
}

}  // namespace cg
