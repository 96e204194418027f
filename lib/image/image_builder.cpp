#include "image/image_builder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/interrupt.h"
#include "image/ext4/write/ext4_writer.h"
#include "image/formats.h"
#include "image/reader.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

// Room for the descriptors of so large a file system is kept free while an image grows; what is not needed of
// it holds other metadata in the end.
constexpr std::uint64_t most_auto_bytes = 256ULL << 30;

}  // namespace

// An ext4 image beside the place of the one that is made of it; gone in the end.
class ImageBuilder::Between {
 public:
  Between(const fs::path& destination, ImageOptions options)
      : destination_(destination),
        options_(std::move(options)),
        path_(destination.parent_path() /
              fmt::format(".{}.{}.between.part", destination.filename().string(), getpid())) {
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
  Result<Summary> finish() const {
    CG_TRY(reader, ImageReader::open(path_));
    auto written = format_of(options_.file_system)->write(reader.files(), destination_, options_);
    if (written) return written;
    // Nobody knows the file between by its name.
    Error error = written.error();
    if (const auto at = error.message.find(path_.string()); at != std::string::npos)
      error.message.replace(at, path_.string().size(), destination_.string());
    return std::unexpected(std::move(error));
  }

 private:
  fs::path destination_;
  ImageOptions options_;
  fs::path path_;
};

Result<ImageBuilder> ImageBuilder::create(const fs::path& destination, ImageOptions options) {
  using Filling = Format::Filling;
  CG_CHECK(check_options(options));
  if (options.label.size() > 16)
    return usage_error(fmt::format("label '{}': ext4 holds at most 16 bytes", options.label));
  const Filling filling = format_of(options.file_system)->filling;
  if (filling == Filling::between) {
    auto between = std::make_shared<Between>(destination, options);
    options.file_system = ContentKind::ext;
    options.frame = {};
    options.journal_bytes = 0;
    options.compression.clear();
    CG_TRY(builder, create(between->path(), std::move(options)));
    builder.between_ = std::move(between);
    return builder;
  }
  CG_TRY(file, AtomicFile::create(destination, 0644));
  UniqueFd waiting;
  if (filling == Filling::beside) {
    CG_TRY(nameless, nameless_file(destination.parent_path()));
    waiting = std::move(nameless);
  }
  return ImageBuilder(std::move(file), std::move(waiting), std::move(options));
}

ImageBuilder::ImageBuilder(AtomicFile file, UniqueFd waiting, ImageOptions options)
    : file_(std::move(file)),
      waiting_(std::move(waiting)),
      options_(std::move(options)),
      tree_(std::make_unique<Tree>()) {
  const std::uint64_t most = options_.size.fixed ? options_.frame.inside(*options_.size.fixed)
                                                 : most_auto_bytes + options_.size.extra;
  space_ = std::make_unique<Space>(most / block_size);
  blocks_ = std::make_unique<BlockFile>(waiting_ ? waiting_.get() : file_.fd(), file_.name(),
                                        options_.frame.offset());
  content_ = std::make_unique<ContentWriter>(*space_, *blocks_);
  tree_->on_orphan([space = space_.get(), blocks = blocks_.get()](Inode& inode) {
    const auto* extents = std::get_if<std::vector<Extent>>(&inode.content);
    if (!extents) return;
    for (const Extent& extent : *extents) {
      space->release({extent.physical, extent.count});
      // A failure leaves old bytes in a block that counts as free: harmless, and the next write reports it.
      (void)blocks->clear({extent.physical, extent.count});
    }
  });
}

Result<void> ImageBuilder::end_content(InodeIndex file, std::uint64_t size) {
  CG_TRY(extents, content_->finish());
  set_stored(file, std::move(extents), size);
  return {};
}

void ImageBuilder::set_stored(InodeIndex file, std::vector<Extent> extents, std::uint64_t size) {
  Inode& inode = tree_->at(file);
  inode.size = size;
  if (extents.empty())
    inode.content = std::monostate{};
  else
    inode.content = std::move(extents);
}

void ImageBuilder::set_host_file(InodeIndex file, const std::filesystem::path& path, std::uint64_t size) {
  Inode& inode = tree_->at(file);
  inode.size = size;
  if (size == 0) return;
  inode.content = HostFile{path.string()};
  any_pending_ = true;
}

void ImageBuilder::set_bytes(InodeIndex file, std::string bytes) {
  Inode& inode = tree_->at(file);
  inode.size = bytes.size();
  inode.content = std::move(bytes);
  any_pending_ = true;
}

Result<std::string> ImageBuilder::read(InodeIndex file, std::uint64_t most) {
  const Inode& inode = tree_->at(file);
  const std::uint64_t size = std::min(inode.size, most);
  if (const auto* bytes = std::get_if<std::string>(&inode.content)) return bytes->substr(0, size);
  if (const auto* host = std::get_if<HostFile>(&inode.content)) {
    if (size > default_read_limit) return refused(fmt::format("a file of {} bytes is not read", size));
    const UniqueFd fd(open(host->path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return cannot_errno(host->path, errno);
    std::string bytes(size, '\0');
    FileDevice file(fd.get(), host->path, size);
    CG_CHECK(file.read(0, std::as_writable_bytes(std::span(bytes))));
    return bytes;
  }
  if (size > default_read_limit) return refused(fmt::format("a file of {} bytes is not read", size));
  std::string bytes(size, '\0');
  const auto* extents = std::get_if<std::vector<Extent>>(&inode.content);
  if (!extents) return bytes;
  CG_CHECK(blocks_->flush());
  FileDevice disk(waiting_ ? waiting_.get() : file_.fd(), file_.name(), INT64_MAX,
                  FileDevice::PastEnd::zeros);
  for (const Extent& extent : *extents) {
    const std::uint64_t from = extent.logical * block_size;
    if (from >= size) continue;
    const std::uint64_t count = std::min(extent.count * block_size, size - from);
    CG_CHECK(disk.read(options_.frame.offset() + extent.physical * block_size,
                       std::as_writable_bytes(std::span(bytes).subspan(from, count))));
  }
  return bytes;
}

Result<void> ImageBuilder::store_pending_content() {
  Result<void> result;
  if (!any_pending_) return result;
  tree_->visit([&](const std::string& path, InodeIndex index) {
    if (!result) return;
    Inode& inode = tree_->at(index);
    std::vector<Extent> extents;
    if (const auto* host = std::get_if<HostFile>(&inode.content)) {
      result = content_->store_host_file(host->path, path, inode.size, extents);
    } else if (const auto* bytes = std::get_if<std::string>(&inode.content)) {
      auto stored = content_->store_bytes(std::as_bytes(std::span(*bytes)), path);
      if (stored)
        extents = std::move(*stored);
      else
        result = std::unexpected(std::move(stored).error());
    } else {
      return;
    }
    if (result) set_stored(index, std::move(extents), inode.size);
  });
  return result;
}

Result<ImageSummary> ImageBuilder::finish_ext4() {
  CG_CHECK(store_pending_content());
  FileDevice file(file_.fd(), file_.name(), INT64_MAX, FileDevice::PastEnd::zeros);
  Window inside(file, options_.frame.offset(), INT64_MAX / 2);
  CG_TRY(summary, write_ext4(*tree_, *space_, *blocks_, inside, options_));
  summary.bytes =
      options_.size.fixed ? *options_.size.fixed : options_.frame.around(summary.blocks * block_size);
  if (ftruncate(file_.fd(), static_cast<off_t>(summary.bytes)) != 0)
    return cannot_errno("writing " + file_.name(), errno);
  FileDevice disk(file_.fd(), file_.name(), summary.bytes);
  CG_TRY(id, parse_uuid(summary.uuid));
  CG_TRY(verity, write_frame(options_.frame, disk, id));
  summary.verity = std::move(verity);
  CG_CHECK(file_.commit());
  return summary;
}

Result<Summary> ImageBuilder::finish_beside() {
  CG_CHECK(blocks_->flush());
  FileDevice blocks(waiting_.get(), file_.name(), INT64_MAX, FileDevice::PastEnd::zeros);
  CG_TRY(summary, format_of(options_.file_system)
                      ->write_tree(*tree_, blocks, file_.fd(), file_.name(), options_));
  CG_CHECK(file_.commit());
  return summary;
}

Result<Summary> ImageBuilder::finish() {
  if (waiting_) return finish_beside();
  CG_TRY(summary, finish_ext4());
  if (between_) return between_->finish();
  return summary;
}

}  // namespace cg::image
