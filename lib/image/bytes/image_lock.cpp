#include "image/bytes/image_lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/file_at.h"
#include "base/text.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

// Whether the loop device `name` has that file behind it, whatever name it was given by. The device itself
// knows best, but only root may ask it.
bool is_behind(std::string_view name, const struct stat& image) {
  const UniqueFd device(open(fmt::format("/dev/{}", name).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct loop_info64 status {};
  if (device && ioctl(device.get(), LOOP_GET_STATUS64, &status) == 0)
    return status.lo_device == image.st_dev && status.lo_inode == image.st_ino;
  const auto path = read_file(fmt::format("/sys/block/{}/loop/backing_file", name));
  struct stat backing {};
  return path && stat(std::string(trim(*path)).c_str(), &backing) == 0 && backing.st_dev == image.st_dev &&
         backing.st_ino == image.st_ino;
}

// The loop device whose backing file it is, or "".
std::string loop_device(const struct stat& image) {
  // Not std::filesystem's iterator, which ends the process when memory runs out.
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/sys/block"), closedir);
  while (const dirent* const entry = directory ? readdir(directory.get()) : nullptr) {
    const std::string_view name(entry->d_name);
    if (name.starts_with("loop") && is_behind(name, image)) return fmt::format("/dev/{}", name);
  }
  return {};
}

// QEMU and other VMMs hold open-file-description locks on their images.
bool locked_by_vm(int fd) {
  struct flock wish {};
  wish.l_type = F_WRLCK;
  wish.l_whence = SEEK_SET;
  return fcntl(fd, F_OFD_GETLK, &wish) == 0 && wish.l_type != F_UNLCK;
}

}  // namespace

Result<UniqueFd> lock_image(const fs::path& image, Access access,
                            const std::function<void(std::string_view)>& say) {
  for (;;) {
    UniqueFd fd(open(image.c_str(), (access == Access::write ? O_RDWR : O_RDONLY) | O_CLOEXEC));
    if (!fd) return cannot_errno(image.string(), errno);
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK && say) say("waits for another edit of it to end");
      while (flock(fd.get(), LOCK_EX) != 0)
        if (errno != EINTR) return cannot_errno("locking " + image.string(), errno);
    }
    // Another editor may have put a new file under this name while we waited.
    struct stat held {};
    struct stat named {};
    if (fstat(fd.get(), &held) != 0 || stat(image.c_str(), &named) != 0)
      return cannot_errno(image.string(), errno);
    if (held.st_dev != named.st_dev || held.st_ino != named.st_ino) continue;
    if (!S_ISREG(held.st_mode)) return refused(image.string() + ": not a regular file");
    if (const std::string device = loop_device(held); !device.empty())
      return refused(fmt::format("{}: is in use by {}; unmount it and run 'losetup -d {}' first",
                                 image.string(), device, device));
    if (locked_by_vm(fd.get()))
      return refused(image.string() +
                     ": is in use by a virtual machine or another program that locks it; stop that first");
    return fd;
  }
}

Result<void> copy_image(int from, int to, const std::string& from_name, const std::string& to_name) {
  struct stat info {};
  if (fstat(from, &info) != 0) return cannot_errno(from_name, errno);
  if (ioctl(to, FICLONE, from) == 0) return {};
  if (ftruncate(to, info.st_size) != 0) return cannot_errno("writing " + to_name, errno);
  for (off_t at = 0; at < info.st_size;) {
    const off_t data = lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;
    if (data >= 0) at = data;
    off_t end = lseek(from, at, SEEK_HOLE);
    if (end < 0) end = info.st_size;
    std::vector<std::byte> buffer;
    while (at < end) {
      off_t in_at = at;
      off_t out_at = at;
      ssize_t done = buffer.empty()
                         ? copy_file_range(from, &in_at, to, &out_at, static_cast<std::size_t>(end - at), 0)
                         : -1;
      if (done < 0 &&
          (!buffer.empty() || errno == EXDEV || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)) {
        buffer.resize(1 << 20);
        const auto offset = static_cast<std::uint64_t>(at);
        const auto piece =
            std::span(buffer).first(std::min(buffer.size(), static_cast<std::size_t>(end - at)));
        const auto got = read_at(from, piece, offset);
        if (!got) return cannot_errno("copying " + from_name, got.error());
        if (const int error = write_at(to, piece.first(*got), offset))
          return cannot_errno("copying " + from_name, error);
        done = static_cast<ssize_t>(*got);
      }
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return cannot_errno("copying " + from_name, errno);
      if (done == 0) return cannot(from_name + ": became shorter while it was copied");
      at += done;
    }
  }
  return {};
}

}  // namespace cg::image
