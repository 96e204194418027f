#include "image/initrd.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <map>
#include <memory>
#include <new>
#include <optional>

#include "base/text.h"
#include "image/extract.h"

namespace cg::image {
namespace {

struct WriterCloser {
  void operator()(archive* handle) const { archive_write_free(handle); }
};

struct CompressionName {
  Compression compression;
  std::string_view name;
  const char* filter;  // libarchive's
  const char* options;
};
constexpr CompressionName names[] = {{Compression::none, "none", nullptr, nullptr},
                                     {Compression::gzip, "gzip", "gzip", "compression-level=9,!timestamp"},
                                     {Compression::zstd, "zstd", "zstd", "compression-level=19"},

                                     {Compression::lzma, "lzma", "lzma", "compression-level=6"}};

unsigned mode_of(const FileInfo& info) {
  static constexpr unsigned types[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK};
  return types[static_cast<std::size_t>(info.meta.type)] | info.meta.mode;
}

// Bytes through a compressor into a file.
class Stream {
 public:
  Stream(int fd, std::string name, Compression compression)
      : name_(std::move(name)), handle_(archive_write_new()) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                         archive_entry_free);
    if (!handle_ || !entry) throw std::bad_alloc();
    archive_write_set_format_raw(handle_.get());
    const CompressionName& chosen = names[static_cast<std::size_t>(compression)];
    good_ = !chosen.filter || (archive_write_add_filter_by_name(handle_.get(), chosen.filter) == ARCHIVE_OK &&
                               archive_write_set_options(handle_.get(), chosen.options) == ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(handle_.get(), 1);
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    good_ = good_ && archive_write_open_fd(handle_.get(), fd) == ARCHIVE_OK &&
            archive_write_header(handle_.get(), entry.get()) == ARCHIVE_OK;
  }
  Result<void> put(std::string_view bytes) {
    count_ += bytes.size();
    good_ = good_ && (bytes.empty() || archive_write_data(handle_.get(), bytes.data(), bytes.size()) ==
                                           static_cast<la_ssize_t>(bytes.size()));
    return result();
  }
  Result<void> pad(std::size_t step) { return put(std::string((step - count_ % step) % step, '\0')); }
  Result<void> finish() {
    good_ = good_ && archive_write_close(handle_.get()) == ARCHIVE_OK;
    return result();
  }
  std::uint64_t count() const { return count_; }

 private:
  Result<void> result() {
    if (good_) return {};
    const char* const text = archive_error_string(handle_.get());
    return cannot(fmt::format("writing {}: {}", name_, text ? text : "failed"));
  }
  std::string name_;
  std::unique_ptr<archive, WriterCloser> handle_;
  bool good_ = true;
  std::uint64_t count_ = 0;
};

class CpioWriter {
 public:
  CpioWriter(const ImageReader& image, Stream& out) : image_(image), out_(out) {}

  Result<void> add(const std::string& path, const FileInfo& info) {
    CG_TRY(xattrs, image_.xattrs(path));
    summary.attributes += xattrs.size();
    return add_new(path, info);
  }

  // Of something that the image need not hold.
  Result<void> add_new(const std::string& path, const FileInfo& info) {
    ++summary.files;
    const std::string name = path == "/" ? "." : path.substr(1);
    const bool regular = info.meta.type == NodeType::regular;
    const bool shared = info.links > 1 && info.meta.type != NodeType::directory;
    std::uint32_t number = next_;
    bool first = true;
    if (shared) {
      const auto [known, is_new] = numbers_.try_emplace(info.inode, next_);
      number = known->second;
      first = is_new;
    }
    if (first) ++next_;
    // Of a file with several names the first carries the bytes; the kernel links the others to it.
    const std::uint64_t size = !regular ? info.meta.target.size() : first ? info.size : 0;
    if (size > UINT32_MAX)
      return refused(
          fmt::format("{}: {}: {} bytes; cpio holds at most 4 GiB in a file", image_.name(), path, size));
    CG_CHECK(header(name, number, mode_of(info), info, static_cast<std::uint32_t>(size)));
    if (regular && first)
      CG_CHECK(image_.read(path, [&](std::string_view piece) { return out_.put(piece); }));
    if (info.meta.type == NodeType::symlink) CG_CHECK(out_.put(info.meta.target));
    return out_.pad(4);
  }

  Result<void> end() {
    CG_CHECK(header("TRAILER!!!", 0, 0, FileInfo{.links = 1}, 0));
    return out_.pad(512);
  }

  InitrdSummary summary;

 private:
  Result<void> header(const std::string& name, std::uint32_t number, unsigned mode, const FileInfo& info,
                      std::uint32_t size) {
    const Metadata& meta = info.meta;
    const auto time = static_cast<std::uint32_t>(meta.mtime.seconds < 0 ? 0 : meta.mtime.seconds);
    CG_CHECK(out_.put(
        fmt::format("070701{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}",
                    number, mode, meta.uid, meta.gid, info.links, time, size, 0, 0, meta.device_major,
                    meta.device_minor, name.size() + 1, 0)));
    CG_CHECK(out_.put(name + '\0'));
    return out_.pad(4);
  }

  const ImageReader& image_;
  Stream& out_;
  std::uint32_t next_ = 1;
  std::map<std::uint32_t, std::uint32_t>
      numbers_;  // of files with several names, by their inode in the image
};

std::optional<std::string> wanted_init(const ImageReader& image) {
  if (image.stat("/init", ImageReader::LastLink::keep)) return std::nullopt;
  for (const char* const path : {"/sbin/init", "/lib/systemd/systemd"})
    if (image.stat(path, ImageReader::LastLink::keep)) return path;
  return std::nullopt;
}

}  // namespace

Result<Compression> parse_compression(std::string_view text) {
  std::vector<std::string> known;
  for (const CompressionName& entry : names) {
    if (entry.name == text) return entry.compression;
    known.emplace_back(entry.name);
  }
  return usage_error(
      fmt::format("compression '{}': not one of {}{}", text, join(known, ", "), did_you_mean(text, known)));
}

Result<InitrdSummary> write_initrd(const ImageReader& image, int fd, const std::string& name,
                                   Compression compression) {
  Stream stream(fd, name, compression);
  CpioWriter writer(image, stream);
  auto init = wanted_init(image);
  CG_CHECK(walk(image, "/", [&](const std::string& path, const FileInfo& info) -> Result<void> {
    if (path == "/lost+found") {
      CG_TRY(items, image.list(path));
      if (items.empty()) return {};
    }
    return writer.add(path, info);
  }));
  if (init) {
    FileInfo link{.inode = 0,
                  .meta = {.type = NodeType::symlink, .mode = 0777, .target = *init},
                  .size = init->size(),
                  .links = 1};
    CG_TRY(root, image.stat("/"));
    link.meta.mtime = root.meta.mtime;
    CG_CHECK(writer.add_new("/init", link));
  }
  CG_CHECK(writer.end());
  CG_CHECK(stream.finish());
  writer.summary.bytes = stream.count();
  return writer.summary;
}

}  // namespace cg::image
