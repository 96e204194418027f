#include "image/bytes/undo_journal.h"

#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "image/bytes/block_file.h"

namespace cg::image {
namespace fs = std::filesystem;

// Followed by `count` bytes when `kind` is 1. Kind 2 ends the journal: its `offset` is the CRC-32C of all
// before it.
struct UndoJournal::Record {
  std::uint64_t offset = 0;
  std::uint32_t count = 0;
  std::uint32_t kind = 0;  // 0: zeros
};

namespace {

using Record = UndoJournal::Record;
static_assert(sizeof(Record) == 16);

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

// Others must not be able to put a file of their own, or an older journal, under the journal's name. A group
// that has its owner's number is taken as the owner's own, as distributions give each user one.
Result<void> check_journal_place(const fs::path& image) {
  const fs::path directory = image.parent_path().empty() ? "." : image.parent_path();
  struct stat info {};
  if (stat(directory.c_str(), &info) != 0) return cannot_errno(directory.string(), errno);
  const bool others = (info.st_mode & S_IWOTH) || ((info.st_mode & S_IWGRP) && info.st_gid != info.st_uid);
  if (!others || (info.st_mode & S_ISVTX)) return {};
  return refused(
      fmt::format("{}: others may exchange files in {}, and so the undo journal; 'chmod +t' or 'chmod go-w' "
                  "on it first",
                  image.string(), directory.string()));
}

Result<UndoJournal> UndoJournal::open(const fs::path& journal, int image_fd, const std::string& image_name) {
  UndoJournal found;
  found.name_ = journal.string();
  found.image_name_ = image_name;
  // A pipe must not make us wait before it is refused.
  found.fd_.reset(::open(journal.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  const auto not_believed = [&](std::string_view why) {
    return refused(
        fmt::format("{}: is {}, so it is not taken as the undo journal of {}; look at it, and remove it",
                    journal.string(), why, image_name));
  };
  if (!found.fd_ && errno == ELOOP) return not_believed("a symbolic link");
  struct stat own {};
  struct stat image {};
  if (!found.fd_ || fstat(found.fd_.get(), &own) != 0) return cannot_errno(journal.string(), errno);
  if (fstat(image_fd, &image) != 0) return cannot_errno(image_name, errno);
  if (!S_ISREG(own.st_mode)) return not_believed("no regular file");
  if (own.st_uid != image.st_uid && own.st_uid != geteuid())
    return not_believed(fmt::format("of user {}, who is not the owner", own.st_uid));
  if (own.st_mode & (S_IWGRP | S_IWOTH)) return not_believed("writable for others");
  CG_TRY(now, FileDevice::of(image_fd, image_name));
  CG_CHECK(found.check(now));
  return found;
}

std::unexpected<Error> UndoJournal::damaged() const {
  return refused(
      fmt::format("{}: an edit of {} was interrupted, and its undo journal is damaged; restore the image, "
                  "or check it with 'e2fsck -f' and remove the journal",
                  name_, image_name_));
}

// That it is whole, and of this image.
Result<void> UndoJournal::check(Device& now) {
  CG_TRY(file, FileDevice::of(fd_.get(), name_));
  Header header;
  if (file.size() < sizeof header + sizeof(Record)) return damaged();
  CG_CHECK(file.read(0, std::as_writable_bytes(std::span(&header, 1))));
  if (std::memcmp(header.magic, Header{}.magic, sizeof header.magic) != 0) return damaged();
  // An edit may have made the image longer, never shorter.
  if (header.image_bytes > now.size() || header.image_bytes < superblock_bytes ||
      header.superblock_offset > header.image_bytes - superblock_bytes)
    return damaged();
  std::vector<std::byte> superblock(superblock_bytes);
  CG_CHECK(now.read(header.superblock_offset, superblock));
  UndoIdentity identity;
  std::memcpy(identity.checksums, header.superblock_checksums, sizeof identity.checksums);
  if (!identity.fits(superblock))
    return refused(
        fmt::format("{}: an interrupted edit left {}, but it belongs to another image; if {} was replaced "
                    "since, remove the journal",
                    image_name_, name_, image_name_));
  image_bytes_ = header.image_bytes;
  std::uint32_t sum = crc(0xffffffff, as_bytes(header));
  std::vector<std::byte> piece;
  std::uint64_t end = 0;
  CG_CHECK(visit([&](const Record& record, std::uint64_t at) -> Result<void> {
    if (record.kind == record_end) {
      end = record.offset;
      return {};
    }
    sum = crc(sum, as_bytes(record));
    if (record.kind != record_bytes) return {};
    piece.resize(record.count);
    CG_CHECK(file.read(at, piece));
    sum = crc(sum, piece);
    return {};
  }));
  return end == sum ? Result<void>{} : damaged();
}

// Every record, and where in the journal its bytes are.
Result<void> UndoJournal::visit(
    const std::function<Result<void>(const Record&, std::uint64_t)>& visitor) const {
  CG_TRY(file, FileDevice::of(fd_.get(), name_));
  for (std::uint64_t at = sizeof(Header);;) {
    Record record;
    if (file.size() - at < sizeof record) return damaged();
    CG_CHECK(file.read(at, std::as_writable_bytes(std::span(&record, 1))));
    at += sizeof record;
    if (record.kind == record_end) return visitor(record, at);
    if (record.kind > record_end || record.count > piece_bytes || record.count > image_bytes_ ||
        record.offset > image_bytes_ - record.count ||
        (record.kind == record_bytes && file.size() - at < record.count))
      return damaged();
    CG_CHECK(visitor(record, at));
    if (record.kind == record_bytes) at += record.count;
  }
}

Result<void> UndoJournal::lay_over(Overlay& image) const {
  return visit([&](const Record& record, std::uint64_t at) -> Result<void> {
    if (record.kind == record_bytes) return image.put_file(record.offset, record.count, fd_.get(), at);
    return record.kind == record_zeros ? image.put_zeros(record.offset, record.count) : Result<void>{};
  });
}

Result<void> UndoJournal::put_back(int image_fd) const {
  CG_TRY(file, FileDevice::of(fd_.get(), name_));
  FileDevice image(image_fd, image_name_, image_bytes_);
  std::vector<std::byte> piece;
  std::vector<std::byte> now;
  CG_CHECK(visit([&](const Record& record, std::uint64_t at) -> Result<void> {
    if (record.kind == record_end) return {};
    if (record.kind == record_zeros && fallocate(image_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                                 static_cast<off_t>(record.offset), record.count) == 0)
      return {};
    piece.assign(record.count, std::byte{});
    if (record.kind == record_bytes) CG_CHECK(file.read(at, piece));
    // What the edit did not come to is left alone: where it failed, a write would fail again (RLIMIT_FSIZE).
    now.resize(record.count);
    if (image.read(record.offset, now) && now == piece) return {};
    return image.write(record.offset, piece);
  }));
  if (ftruncate(image_fd, static_cast<off_t>(image_bytes_)) != 0)
    return cannot_errno("restoring " + image_name_, errno);
  if (fsync(image_fd) != 0) return cannot_errno("restoring " + image_name_, errno);
  return {};
}

Result<void> replay_undo_journal(const fs::path& journal, int image_fd, const std::string& image_name) {
  CG_TRY(found, UndoJournal::open(journal, image_fd, image_name));
  return found.put_back(image_fd);
}

Result<void> remove_undo_journal(const fs::path& journal) {
  if (unlink(journal.c_str()) != 0 && errno != ENOENT)
    return cannot_errno("removing " + journal.string(), errno);
  sync_directory(journal.parent_path());
  return {};
}

Result<std::optional<UndoJournal>> find_undo_journal(const fs::path& image, int image_fd) {
  const fs::path journal = undo_journal_path(image);
  struct stat info {};
  if (lstat(journal.c_str(), &info) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return cannot_errno(journal.string(), errno);
  }
  CG_CHECK(check_journal_place(image));
  return UndoJournal::open(journal, image_fd, image.string());
}

Result<Recovery> recover_image(const fs::path& image) {
  const UniqueFd fd(open(image.c_str(), O_RDWR | O_CLOEXEC));
  const int error = errno;
  if (!fd && access(undo_journal_path(image).c_str(), F_OK) != 0) return Recovery::none;
  if (!fd)
    return cannot_errno(
        fmt::format("{}: an edit of it was interrupted; it has to be opened for writing to undo that",
                    image.string()),
        error);
  CG_TRY(journal, find_undo_journal(image, fd.get()));
  if (!journal) return Recovery::none;
  CG_CHECK(journal->put_back(fd.get()));
  CG_CHECK(remove_undo_journal(undo_journal_path(image)));
  return Recovery::undone;
}

}  // namespace cg::image
