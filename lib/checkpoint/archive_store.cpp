// The images in an archive: one walk over it, which keeps what is small and passes over pages and file
// systems.
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "checkpoint/store.h"
#include "compress/archive_decoders.h"

namespace cg::checkpoint {
namespace {

struct Free {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
using Handle = std::unique_ptr<archive, Free>;

struct Entry {
  std::uint64_t size = 0;
  std::string bytes;
  std::string target;  // of a link
};
using Entries = std::map<std::string, Entry, std::less<>>;

std::string_view last_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

class Walk {
 public:
  explicit Walk(const std::filesystem::path& path) : name_(path.string()) {}
  Result<Entries> run();

 private:
  std::unexpected<Error> failed() const {
    const char* text = archive_error_string(handle_.get());
    return refused(fmt::format("{}: {}", name_, text ? text : "damaged"));
  }
  Result<void> check_ratio() const;
  Result<void> add(archive_entry* entry);

  std::string name_;
  UniqueFd fd_;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t kept_ = 0;
  Handle handle_;
  Entries entries_;
};

// What is packed may be a bomb; what is not is as large as it is.
Result<void> Walk::check_ratio() const {
  if (archive_filter_code(handle_.get(), 0) == ARCHIVE_FILTER_NONE) return {};
  const auto unpacked = static_cast<std::uint64_t>(archive_filter_bytes(handle_.get(), 0));
  if (unpacked <= limits::archive_bytes || unpacked / limits::archive_ratio <= file_bytes_) return {};
  return refused(fmt::format("{}: unpacks to more than {} times its size", name_, limits::archive_ratio));
}

Result<void> Walk::add(archive_entry* entry) {
  const char* text = archive_entry_pathname(entry);
  if (!text) return refused(name_ + ": an entry without a name");
  std::string path = text;
  while (path.starts_with("./")) path.erase(0, 2);
  if (entries_.size() >= limits::checkpoint_files)
    return refused(fmt::format("{}: more than {} files", name_, limits::checkpoint_files));
  if (archive_entry_filetype(entry) == AE_IFLNK) {
    const char* target = archive_entry_symlink(entry);
    entries_[path].target = target ? target : "";
    return {};
  }
  if (archive_entry_filetype(entry) != AE_IFREG) return {};
  Entry& kept = entries_[path];
  kept = {};
  kept.size = static_cast<std::uint64_t>(std::max<la_int64_t>(archive_entry_size(entry), 0));
  // Of a log its head says which CRIU and kernel it was.
  const std::size_t wanted = path.ends_with(".log") ? std::min<std::uint64_t>(kept.size, 4 * limits::kibibyte)
                             : is_bulk(last_name(path)) || kept.size > limits::checkpoint_image_bytes
                                 ? 0
                                 : kept.size;
  kept_ += wanted;
  if (kept_ > limits::checkpoint_bytes)
    return refused(
        fmt::format("{}: images of more than {} bytes, without the pages", name_, limits::checkpoint_bytes));
  kept.bytes.resize(wanted);
  std::size_t got = 0;
  while (got < wanted) {
    const auto more = archive_read_data(handle_.get(), kept.bytes.data() + got, wanted - got);
    if (more < 0) return failed();
    if (more == 0) break;
    got += static_cast<std::size_t>(more);
    CG_CHECK(check_ratio());
  }
  kept.bytes.resize(got);
  if (archive_filter_code(handle_.get(), 0) == ARCHIVE_FILTER_NONE) {
    if (archive_read_data_skip(handle_.get()) < ARCHIVE_WARN) return failed();
    return {};
  }
  for (;;) {
    const void* bytes = nullptr;
    std::size_t count = 0;
    la_int64_t offset = 0;
    const int status = archive_read_data_block(handle_.get(), &bytes, &count, &offset);
    if (status == ARCHIVE_EOF) return {};
    if (status < ARCHIVE_WARN) return failed();
    CG_CHECK(check_ratio());
  }
}

Result<Entries> Walk::run() {
  fd_.reset(open(name_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd_) return cannot_errno(name_, errno);
  struct stat info {};
  if (fstat(fd_.get(), &info) != 0) return cannot_errno(name_, errno);
  file_bytes_ = static_cast<std::uint64_t>(info.st_size);
  handle_.reset(archive_read_new());
  if (!handle_) return cannot(name_ + ": out of memory");
  CG_CHECK(support_decoders(handle_.get()));
  archive_read_support_format_tar(handle_.get());
  if (archive_read_open_fd(handle_.get(), fd_.get(), 128 << 10) != ARCHIVE_OK)
    return refused(name_ + ": no archive: a checkpoint is a directory of CRIU's images or a tar of one");
  for (;;) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(handle_.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN) return failed();
    CG_CHECK(add(entry));
  }
  return std::move(entries_);
}

class ArchiveStore final : public Store {
 public:
  ArchiveStore(std::string name, std::shared_ptr<const Entries> entries, std::string directory);
  Result<std::unique_ptr<Store>> open_parent() const override;
  Result<std::string> begin(const std::string& file, std::size_t most) const override;

 private:
  std::shared_ptr<const Entries> entries_;
  std::string archive_;
  std::string directory_;  // with its slash at the end; "" for the top
};

ArchiveStore::ArchiveStore(std::string name, std::shared_ptr<const Entries> entries, std::string directory)
    : entries_(std::move(entries)), archive_(std::move(name)), directory_(std::move(directory)) {
  name_ = directory_.empty() ? archive_ : archive_ + ":" + directory_.substr(0, directory_.size() - 1);
  for (const auto& [path, entry] : *entries_) {
    const bool inside =
        path.starts_with(directory_) && !std::string_view(path).substr(directory_.size()).contains('/');
    if (inside && path.substr(directory_.size()) == "parent")
      parent_ = entry.target;
    else if (inside && entry.target.empty())
      sizes_.emplace(path.substr(directory_.size()), entry.size);
    else if (entry.target.empty() && !path.contains('/'))
      beside_.emplace(path, entry.size);
  }
}

Result<std::string> ArchiveStore::begin(const std::string& file, std::size_t most) const {
  const auto found = entries_->find(directory_ + file);
  if (found == entries_->end()) return refused(path_of(file) + ": it is not there");
  if (found->second.bytes.size() < std::min<std::uint64_t>(most, found->second.size) &&
      !file.ends_with(".log"))
    return refused(path_of(file) + ": not kept of the archive");
  return found->second.bytes.substr(0, most);
}

Result<std::unique_ptr<Store>> ArchiveStore::open_parent() const {
  std::string directory =
      (std::filesystem::path("/") / directory_ / parent_).lexically_normal().string().substr(1);
  if (!directory.empty() && !directory.ends_with('/')) directory += '/';
  if (!entries_->contains(directory + "inventory.img"))
    return refused(fmt::format("{}: its parent {} is not in the archive", name_, parent_));
  return std::make_unique<ArchiveStore>(archive_, entries_, directory);
}

}  // namespace

Result<std::unique_ptr<Store>> open_archive(const std::filesystem::path& path) {
  CG_TRY(all, Walk(path).run());
  const auto entries = std::make_shared<const Entries>(std::move(all));
  // The outermost of them: a pre-dump's lies deeper or beside it.
  const std::string* best = nullptr;
  for (const auto& [name, entry] : *entries) {
    if (last_name(name) != "inventory.img") continue;
    const bool usual = name == "checkpoint/inventory.img";
    if (!best || usual || (*best != "checkpoint/inventory.img" && name.size() < best->size())) best = &name;
  }
  if (!best)
    return refused(path.string() + ": an archive without CRIU's images: there is no inventory.img in it");
  return std::make_unique<ArchiveStore>(path.string(), entries,
                                        best->substr(0, best->size() - last_name(*best).size()));
}

}  // namespace cg::checkpoint
