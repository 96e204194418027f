#include "image/erofs/make.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/process.h"
#include "base/sha256.h"
#include "image/disk/uuid.h"
#include "image/erofs/superblock.h"
#include "image/tree/content_budget.h"
#include "image/tree/extract.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

// A directory beside the destination, gone with this.
class WorkDirectory {
 public:
  explicit WorkDirectory(const fs::path& destination)
      : path_(destination.parent_path() /
              fmt::format(".{}.{}.part.d", destination.filename().string(), getpid())) {
    remove_when_interrupted(path_);
    made_ = mkdir(path_.c_str(), 0700) == 0;
    error_ = errno;
  }
  ~WorkDirectory() {
    std::error_code ignored;
    if (made_) fs::remove_all(path_, ignored);
    forget_when_interrupted(path_);
  }
  Result<void> check() const {
    return made_ ? Result<void>{} : Result<void>(cannot_errno(path_.string(), error_));
  }
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
  bool made_ = false;
  int error_ = 0;
};

// What a user's directory cannot show to mkfs.erofs, and what is told it instead.
Result<std::vector<std::string>> owner_arguments(const ImageFiles& image) {
  if (geteuid() == 0) return std::vector<std::string>{};
  std::optional<std::pair<std::uint32_t, std::uint32_t>> owner;
  CG_CHECK(walk(image, "/", [&](const std::string& path, const FileInfo& info) -> Result<void> {
    const auto refuse = [&](std::string_view why) {
      return refused(
          fmt::format("{}: {}; mkfs.erofs takes it from a directory, where only root can put it", path, why));
    };
    if (path == "/lost+found") return {};
    if (info.meta.type == NodeType::character_device || info.meta.type == NodeType::block_device)
      return refuse("a device node");
    if (!owner) owner.emplace(info.meta.uid, info.meta.gid);
    if (*owner != std::pair(info.meta.uid, info.meta.gid)) return refuse("not all files have one owner");
    CG_TRY(xattrs, image.xattrs(path));
    for (const Xattr& xattr : xattrs)
      if (!xattr.name.starts_with("user.")) return refuse("the attribute " + xattr.name);
    return {};
  }));
  return std::vector<std::string>{fmt::format("--force-uid={}", owner->first),
                                  fmt::format("--force-gid={}", owner->second)};
}

// Of a file system that comes from one without a number of its own (an initrd): the same files give the same.
Result<std::string> uuid_of_files(const ImageFiles& image) {
  Sha256 digest;
  CG_CHECK(walk(image, "/", [&](const std::string& path, const FileInfo& info) -> Result<void> {
    digest.update(fmt::format("{} {} {:o} {} {} {} {} {} {} {}\n", path.size(), path, info.meta.mode,
                              static_cast<int>(info.meta.type), info.meta.uid, info.meta.gid, info.size,
                              info.meta.mtime.seconds, info.meta.target.size(), info.meta.target));
    return {};
  }));
  return to_string(derive_uuid(digest.hex()));
}

}  // namespace

Result<void> check_erofs_compression(const std::string& name) {
  for (const std::string_view known : {"lz4hc", "lz4", "none"})
    if (name == known) return {};
  return usage_error(fmt::format("compression '{}': EROFS has lz4hc, lz4 and none here", name));
}

Result<Summary> write_erofs(const ImageFiles& image, const fs::path& destination,
                            const ImageOptions& options) {
  if (!find_program("mkfs.erofs"))
    return cannot("mkfs.erofs is not on PATH: install the package erofs-utils");
  CG_CHECK(check_holes(image, "EROFS of mkfs.erofs"));
  CG_TRY(owner, owner_arguments(image));
  CG_TRY(root, image.stat("/"));
  std::string uuid = options.uuid ? to_string(*options.uuid) : image.info().uuid;
  if (uuid.empty()) {
    CG_TRY(derived, uuid_of_files(image));
    uuid = std::move(derived);
  }
  const WorkDirectory work(destination);
  CG_CHECK(work.check());
  CG_CHECK(extract_files(image, "/", work / "root"));
  // The time is the build's and all files': what several versions of mkfs.erofs make of other times differs.
  std::vector<std::string> argv = {
      "mkfs.erofs", "--quiet",
      fmt::format("-T{}", options.source_date_epoch.value_or(root.meta.mtime.seconds))};
  argv.push_back("-U" + uuid);
  const std::string compression = options.compression.empty() ? "lz4hc" : options.compression;
  if (compression != "none") argv.push_back("-z" + compression);
  argv.insert(argv.end(), owner.begin(), owner.end());
  argv.push_back((work / "erofs").string());
  argv.push_back((work / "root").string());
  CG_CHECK(run_checked(argv));

  CG_TRY(file, AtomicFile::create(destination, 0644));
  const std::string name = file.name();
  const UniqueFd made(open((work / "erofs").c_str(), O_RDONLY | O_CLOEXEC));
  if (!made) return cannot_errno((work / "erofs").string(), errno);
  CG_TRY(from, FileDevice::of(made.get(), (work / "erofs").string()));
  CG_TRY(info, read_erofs_superblock(from));
  ImageSummary summary{.bytes = options.frame.around(from.size()),
                       .blocks = info.blocks,
                       .inodes = info.inodes,
                       .used_inodes = info.inodes,
                       .uuid = info.uuid};
  CG_CHECK(walk(image, "/", [&](const std::string& path, const FileInfo& file_info) -> Result<void> {
    if (file_info.meta.type == NodeType::directory && path != "/lost+found") ++summary.directories;
    if (file_info.meta.type != NodeType::regular) return {};
    ++summary.files;
    summary.data_bytes += file_info.size;
    return {};
  }));
  if (ftruncate(file.fd(), static_cast<off_t>(summary.bytes)) != 0)
    return cannot_errno("writing " + name, errno);
  FileDevice disk(file.fd(), name, summary.bytes);
  std::vector<std::byte> piece(1 << 20);
  for (std::uint64_t at = 0; at < from.size(); at += piece.size()) {
    const auto now = std::span(piece).first(std::min<std::uint64_t>(piece.size(), from.size() - at));
    CG_CHECK(from.read(at, now));
    CG_CHECK(disk.write(options.frame.offset() + at, now));
  }
  CG_TRY(id, parse_uuid(info.uuid));
  CG_TRY(verity, write_frame(options.frame, disk, id));
  summary.verity = std::move(verity);
  CG_CHECK(file.commit());
  return summary;
}

}  // namespace cg::image
