#include "image/bytes/undo_journal.h"

#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "image/bytes/block_file.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t superblock_bytes = 1024;
constexpr std::size_t sector_bytes = superblock_bytes / UndoIdentity::sectors;
constexpr std::size_t piece_bytes = 1 << 20;
constexpr std::size_t grain = 4096;  // zeros are told apart from bytes at this step

struct Header {
  char magic[8] = {'C', 'G', 'U', 'N', 'D', 'O', '1', '\n'};
  std::uint64_t image_bytes = 0;
  std::uint64_t superblock_offset = 0;
  std::uint32_t superblock_checksums[3][UndoIdentity::sectors] = {};
};
static_assert(sizeof(Header) == 48);

// Followed by `count` bytes when `kind` is 1. Kind 2 ends the journal: its `offset` is the CRC-32C of all
// before it.
struct Record {
  std::uint64_t offset = 0;
  std::uint32_t count = 0;
  std::uint32_t kind = 0;  // 0: zeros
};
static_assert(sizeof(Record) == 16);
enum : std::uint32_t { record_zeros, record_bytes, record_end };

std::uint32_t crc(std::uint32_t value, std::span<const std::byte> bytes) {
  return ext2fs_crc32c_le(value, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

template <class T>
std::span<const std::byte> as_bytes(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

class Writer {
 public:
  explicit Writer(AtomicFile& file) : file_(file) {}
  Result<void> add(std::span<const std::byte> bytes) {
    sum_ = crc(sum_, bytes);
    buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return buffer_.size() >= piece_bytes ? flush() : Result<void>{};
  }
  Result<void> end() {
    CG_CHECK(add(as_bytes(Record{.offset = sum_, .count = 0, .kind = record_end})));
    return flush();
  }

 private:
  Result<void> flush() {
    CG_CHECK(file_.write(buffer_));
    buffer_.clear();
    return {};
  }
  AtomicFile& file_;
  std::string buffer_;
  std::uint32_t sum_ = 0xffffffff;
};

}  // namespace

fs::path undo_journal_path(const fs::path& image) {
  return image.parent_path() / fmt::format(".{}.undo", image.filename().string());
}

void UndoIdentity::set(std::size_t state, std::span<const std::byte> superblock) {
  for (std::size_t sector = 0; sector < sectors; ++sector)
    checksums[state][sector] = crc(0xffffffff, superblock.subspan(sector * sector_bytes, sector_bytes));
}

bool UndoIdentity::fits(std::span<const std::byte> superblock) const {
  for (std::size_t sector = 0; sector < sectors; ++sector) {
    const std::uint32_t found = crc(0xffffffff, superblock.subspan(sector * sector_bytes, sector_bytes));
    if (std::ranges::none_of(checksums, [&](const auto& state) { return state[sector] == found; }))
      return false;
  }
  return true;
}

Result<void> write_undo_journal(const fs::path& journal, Device& image, const UndoIdentity& identity,
                                const std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges) {
  CG_TRY(file, AtomicFile::create(journal, 0600));
  Writer writer(file);
  Header header{.image_bytes = image.size(), .superblock_offset = identity.superblock_offset};
  std::memcpy(header.superblock_checksums, identity.checksums, sizeof header.superblock_checksums);
  CG_CHECK(writer.add(as_bytes(header)));
  std::vector<std::byte> piece;
  for (auto [offset, count] : ranges) {
    if (offset >= image.size()) continue;  // the old size takes care of it
    count = std::min(count, image.size() - offset);
    while (count > 0) {
      piece.resize(std::min<std::uint64_t>(count, piece_bytes));
      CG_CHECK(image.read(offset, piece));
      for (std::size_t at = 0; at < piece.size();) {
        const auto zero_at = [&](std::size_t where) {
          return is_zero(std::span(piece).subspan(where, std::min(grain, piece.size() - where)));
        };
        const bool zeros = zero_at(at);
        std::size_t end = std::min(at + grain, piece.size());
        while (end < piece.size() && zero_at(end) == zeros) end = std::min(end + grain, piece.size());
        CG_CHECK(writer.add(as_bytes(
            Record{offset + at, static_cast<std::uint32_t>(end - at), zeros ? record_zeros : record_bytes})));
        if (!zeros) CG_CHECK(writer.add(std::span(piece).subspan(at, end - at)));
        at = end;
      }
      offset += piece.size();
      count -= piece.size();
    }
  }
  CG_CHECK(writer.end());
  return file.commit();
}

Result<void> replay_undo_journal(const fs::path& journal, int image_fd, const std::string& image_name) {
  const UniqueFd fd(open(journal.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return cannot_errno(journal.string(), errno);
  CG_TRY(file, FileDevice::of(fd.get(), journal.string()));
  const auto damaged = [&] {
    return refused(
        fmt::format("{}: an edit of {} was interrupted, and its undo journal is damaged; restore the image, "
                    "or check it with "
                    "'e2fsck -f' and remove the journal",
                    journal.string(), image_name));
  };
  // Twice over the records: once to see that the journal is whole, once to write.
  Header header;
  if (file.size() < sizeof header + sizeof(Record)) return damaged();
  CG_CHECK(file.read(0, std::as_writable_bytes(std::span(&header, 1))));
  if (std::memcmp(header.magic, Header{}.magic, sizeof header.magic) != 0) return damaged();
  CG_TRY(now, FileDevice::of(image_fd, image_name));
  std::vector<std::byte> piece(superblock_bytes);
  // An edit may have made the image longer, never shorter.
  if (header.image_bytes > now.size() || header.image_bytes < superblock_bytes ||
      header.superblock_offset > header.image_bytes - superblock_bytes)
    return damaged();
  CG_CHECK(now.read(header.superblock_offset, piece));
  UndoIdentity identity;
  std::memcpy(identity.checksums, header.superblock_checksums, sizeof identity.checksums);
  if (!identity.fits(piece))
    return refused(
        fmt::format("{}: an interrupted edit left {}, but it belongs to another image; if {} was replaced "
                    "since, remove the journal",
                    image_name, journal.string(), image_name));
  FileDevice image(image_fd, image_name, header.image_bytes);
  for (const bool writing : {false, true}) {
    std::uint64_t at = sizeof header;
    std::uint32_t sum = crc(0xffffffff, as_bytes(header));
    for (;;) {
      Record record;
      if (file.size() - at < sizeof record) return damaged();
      CG_CHECK(file.read(at, std::as_writable_bytes(std::span(&record, 1))));
      at += sizeof record;
      if (record.kind == record_end) {
        if (record.offset != sum) return damaged();
        break;
      }
      if (record.kind > record_end || record.count > piece_bytes || record.count > header.image_bytes ||
          record.offset > header.image_bytes - record.count)
        return damaged();
      piece.assign(record.count, std::byte{});
      if (record.kind == record_bytes) {
        if (file.size() - at < record.count) return damaged();
        CG_CHECK(file.read(at, piece));
        at += record.count;
      }
      sum = crc(sum, as_bytes(record));
      if (record.kind == record_bytes) sum = crc(sum, piece);
      if (!writing) continue;
      const bool hole =
          record.kind == record_zeros && fallocate(image_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                                   static_cast<off_t>(record.offset), record.count) == 0;
      if (!hole) CG_CHECK(image.write(record.offset, piece));
    }
  }
  if (ftruncate(image_fd, static_cast<off_t>(header.image_bytes)) != 0)
    return cannot_errno("restoring " + image_name, errno);
  if (fsync(image_fd) != 0) return cannot_errno("restoring " + image_name, errno);
  return {};
}

Result<void> remove_undo_journal(const fs::path& journal) {
  if (unlink(journal.c_str()) != 0 && errno != ENOENT)
    return cannot_errno("removing " + journal.string(), errno);
  sync_directory(journal.parent_path());
  return {};
}

Result<void> recover_image(const fs::path& image, Recoverer who) {
  const fs::path journal = undo_journal_path(image);
  if (access(journal.c_str(), F_OK) != 0) return {};
  const UniqueFd fd(open(image.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd)
    return cannot_errno(
        fmt::format("{}: an edit of it was interrupted; it has to be opened for writing to undo that",
                    image.string()),
        errno);
  if (who == Recoverer::reader && flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return refused(image.string() +
                   ": is being edited in place by another process; try again when it is done");
  if (access(journal.c_str(), F_OK) != 0) return {};
  CG_CHECK(replay_undo_journal(journal, fd.get(), image.string()));
  return remove_undo_journal(journal);
}

}  // namespace cg::image
