// The files of a directory, opened one by one below its descriptor.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <span>

#include "base/file.h"
#include "base/file_at.h"
#include "base/limits.h"
#include "checkpoint/store.h"

namespace cg::checkpoint {
namespace {

class DirectoryStore final : public Store {
 public:
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& path);
  Result<std::unique_ptr<Store>> open_parent() const override {
    return open_directory(std::filesystem::path(name_) / parent_);
  }
  Result<std::string> begin(const std::string& file, std::size_t most) const override {
    // A fifo that takes the place of the file in the meantime does not block.
    const UniqueFd fd(openat(directory_.get(), file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) return cannot_errno(path_of(file), errno);
    std::string bytes(most, '\0');
    const auto got = read_at(fd.get(), std::as_writable_bytes(std::span(bytes)), 0);
    if (!got) return cannot_errno(path_of(file), got.error());
    bytes.resize(*got);
    return bytes;
  }

 private:
  Result<void> list();
  UniqueFd directory_;
};

Result<void> DirectoryStore::list() {
  UniqueFd again(openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!again) return cannot_errno(name_, errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> names(fdopendir(again.get()), closedir);
  if (!names) return cannot_errno(name_, errno);
  (void)again.release();  // the stream's now
  for (errno = 0; const dirent* entry = readdir(names.get()); errno = 0) {
    if (sizes_.size() >= limits::checkpoint_files)
      return refused(fmt::format("{}: more than {} files", name_, limits::checkpoint_files));
    struct stat info {};
    if (fstatat(directory_.get(), entry->d_name, &info, 0) == 0 && S_ISREG(info.st_mode))
      sizes_.emplace(entry->d_name, static_cast<std::uint64_t>(info.st_size));
  }
  if (errno != 0) return cannot_errno(name_, errno);
  std::array<char, PATH_MAX> target{};
  const auto length = readlinkat(directory_.get(), "parent", target.data(), target.size());
  if (length > 0) parent_.assign(target.data(), static_cast<std::size_t>(length));
  return {};
}

Result<std::unique_ptr<Store>> DirectoryStore::open(const std::filesystem::path& path) {
  auto store = std::make_unique<DirectoryStore>();
  store->name_ = path.string();
  store->directory_.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!store->directory_) return cannot_errno(path.string(), errno);
  CG_CHECK(store->list());
  return store;
}

}  // namespace

Result<std::unique_ptr<Store>> open_directory(const std::filesystem::path& path) {
  CG_TRY(store, DirectoryStore::open(path));
  if (store->has("inventory.img")) return store;
  // An archive that was unpacked.
  if (const auto inside = path / "checkpoint"; std::filesystem::exists(inside / "inventory.img"))
    return DirectoryStore::open(inside);
  return refused(fmt::format("{}: no images of CRIU: there is no inventory.img{}", path.string(),
                             store->sizes().empty() ? " (the directory is empty)" : ""));
}

}  // namespace cg::checkpoint
