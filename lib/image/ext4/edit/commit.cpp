#include "image/ext4/edit/commit.h"

#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "image/bytes/image_lock.h"
#include "image/bytes/undo_journal.h"

namespace cg::image {
namespace {

constexpr std::size_t piece_bytes = 4 << 20;

using Superblock = std::array<std::byte, SUPERBLOCK_SIZE>;

// As the kernel leaves it while a file system is mounted for writing.
Superblock marked_unclean(Superblock bytes) {
  ext2_super_block super;
  std::memcpy(&super, bytes.data(), sizeof super);
  super.s_state = static_cast<__u16>(super.s_state & ~EXT2_VALID_FS);
  if (super.s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_METADATA_CSUM)
    super.s_checksum = ext2fs_crc32c_le(~0U, reinterpret_cast<const unsigned char*>(&super),
                                        offsetof(ext2_super_block, s_checksum));
  std::memcpy(bytes.data(), &super, sizeof super);
  return bytes;
}

Result<void> sync(int fd, const std::string& name) {
  if (fdatasync(fd) != 0) return cannot_errno("writing " + name, errno);
  return {};
}

Result<void> set_size(int fd, std::uint64_t size, const std::string& name) {
  if (ftruncate(fd, static_cast<off_t>(size)) != 0) return cannot_errno("writing " + name, errno);
  return {};
}

Result<void> write_changes(const CommitTarget& target, FileDevice& image, Overlay& changes,
                           const Superblock& unclean, const Superblock& clean) {
  CG_CHECK(image.write(target.superblock, unclean));
  CG_CHECK(sync(target.fd, image.name()));
  CG_CHECK(set_size(target.fd, changes.size(), image.name()));
  CG_CHECK(
      changes.visit(piece_bytes, [&](std::uint64_t offset, std::span<const std::byte> bytes) -> Result<void> {
        // The piece that holds the superblock: all but that.
        const std::uint64_t end = offset + bytes.size();
        if (target.superblock >= end || target.superblock + SUPERBLOCK_SIZE <= offset)
          return image.write(offset, bytes);
        if (target.superblock > offset)
          CG_CHECK(image.write(offset, bytes.first(target.superblock - offset)));
        const std::uint64_t after = target.superblock + SUPERBLOCK_SIZE;
        return after < end ? image.write(after, bytes.subspan(after - offset)) : Result<void>{};
      }));
  CG_CHECK(sync(target.fd, image.name()));
  CG_CHECK(image.write(target.superblock, clean));
  if (fsync(target.fd) != 0) return cannot_errno("writing " + image.name(), errno);
  return {};
}

}  // namespace

Result<void> commit_as_copy(const CommitTarget& target, FileDevice& disk, Overlay& changes) {
  struct stat info {};
  if (fstat(target.fd, &info) != 0) return cannot_errno(target.image.string(), errno);
  CG_TRY(copy, AtomicFile::create(target.image, info.st_mode & 07777));
  if (info.st_uid != geteuid() || info.st_gid != getegid())
    (void)!fchown(copy.fd(), info.st_uid, info.st_gid);
  CG_CHECK(copy_image(target.fd, copy.fd(), disk.name(), copy.name()));
  CG_CHECK(set_size(copy.fd(), changes.size(), copy.name()));
  FileDevice out(copy.fd(), disk.name(), changes.size());
  CG_CHECK(changes.visit(piece_bytes, [&](std::uint64_t offset, std::span<const std::byte> bytes) {
    return out.write(offset, bytes);
  }));
  return copy.commit();
}

Result<void> commit_in_place(const CommitTarget& target, FileDevice& disk, Overlay& changes) {
  Superblock old;
  Superblock clean;
  CG_CHECK(disk.read(target.superblock, old));
  CG_CHECK(changes.read(target.superblock, clean));
  const Superblock unclean = marked_unclean(old);
  UndoIdentity identity{.superblock_offset = target.superblock};
  identity.set(0, old);
  identity.set(1, unclean);
  identity.set(2, clean);
  const auto journal = undo_journal_path(target.image);
  CG_CHECK(write_undo_journal(journal, disk, identity, changes.ranges()));
  FileDevice image(target.fd, disk.name(), changes.size());
  if (auto written = write_changes(target, image, changes, unclean, clean); !written) {
    auto undone = replay_undo_journal(journal, target.fd, disk.name());
    if (undone) undone = remove_undo_journal(journal);
    if (!undone)
      return cannot(
          fmt::format("{}; and its old bytes could not be put back ({}); the next rootfs-builder command on "
                      "it tries again",
                      written.error().message, undone.error().message));
    return cannot(written.error().message + "; the image is as it was");
  }
  return remove_undo_journal(journal);
}

}  // namespace cg::image
