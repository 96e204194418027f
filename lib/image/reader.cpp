#include "image/reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "image/bytes/undo_journal.h"

namespace cg::image {

struct ImageReader::File {
  UniqueFd fd;
  FileDevice on_disk;
  std::optional<UndoJournal> journal;  // of an interrupted edit
  Overlay disk;                        // the old bytes over it; else nothing
  DiskLayout layout;
  Place place;
  Window window;

  File(UniqueFd file, FileDevice device, std::optional<UndoJournal> undo)
      : fd(std::move(file)),
        on_disk(std::move(device)),
        journal(std::move(undo)),
        disk(on_disk),
        window(disk, 0, 0) {}
};

ImageReader::ImageReader() = default;
ImageReader::ImageReader(ImageReader&&) noexcept = default;
ImageReader& ImageReader::operator=(ImageReader&&) noexcept = default;
ImageReader::~ImageReader() = default;

Volume ImageReader::volume() const {
  return {file_->window, file_->fd.get(), file_->place.offset};
}
int ImageReader::fd() const {
  return file_->fd.get();
}
const DiskLayout& ImageReader::layout() const {
  return file_->layout;
}
const Place& ImageReader::place() const {
  return file_->place;
}

Device& ImageReader::disk() const {
  return file_->journal ? static_cast<Device&>(file_->disk) : file_->on_disk;
}
std::string ImageReader::remark() const {
  return file_->journal
             ? name_ +
                   ": an edit of it was interrupted; this is what it held before, and the next edit "
                   "puts that back for good"
             : "";
}

namespace {

// Nothing is written, so that another's journal can change no more than what is seen. While the edit is going
// on its editor holds the lock.
Result<std::optional<UndoJournal>> journal_of(const std::filesystem::path& image, int fd) {
  std::error_code error;
  const auto real = std::filesystem::canonical(image, error);
  if (error || access(undo_journal_path(real).c_str(), F_OK) != 0) return std::nullopt;
  if (flock(fd, LOCK_SH | LOCK_NB) != 0)
    return refused(image.string() +
                   ": is being edited in place by another process; try again when it is done");
  return find_undo_journal(real, fd);
}

}  // namespace

Result<ImageReader> ImageReader::open(const std::filesystem::path& image, std::optional<unsigned> partition) {
  ImageReader reader;
  reader.name_ = image.string();
  UniqueFd fd(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!fd || fstat(fd.get(), &info) != 0) return cannot_errno(image.string(), errno);
  if (!S_ISREG(info.st_mode))
    return refused(image.string() +
                   (S_ISDIR(info.st_mode) ? ": a directory, not an image" : ": not a regular file"));
  CG_TRY(journal, journal_of(image, fd.get()));
  CG_TRY(on_disk, FileDevice::of(fd.get(), reader.name_));
  if (journal) on_disk = FileDevice(fd.get(), reader.name_, journal->image_bytes());
  reader.file_.reset(new File(std::move(fd), std::move(on_disk), std::move(journal)));
  File& file = *reader.file_;
  if (file.journal) CG_CHECK(file.journal->lay_over(file.disk));
  Device& disk = reader.disk();
  CG_TRY(layout, read_layout(disk));
  CG_TRY(place, find_file_system(layout, partition, reader.name_));
  file.layout = std::move(layout);
  file.place = place;
  file.window = Window(disk, place.offset, place.bytes);
  CG_TRY(files, format_of(place.content)->open(reader.volume()));
  reader.files_ = std::move(files);
  return reader;
}

}  // namespace cg::image
