#include "image/reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"
#include "image/bytes/undo_journal.h"

namespace cg::image {

struct ImageReader::File {
  UniqueFd fd;
  FileDevice disk;
  DiskLayout layout;
  Place place;
  Window window;
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

Result<ImageReader> ImageReader::open(const std::filesystem::path& image, std::optional<unsigned> partition) {
  ImageReader reader;
  reader.name_ = image.string();
  std::error_code error;
  if (const auto real = std::filesystem::canonical(image, error); !error)
    CG_CHECK(recover_image(real, Recoverer::reader));
  UniqueFd fd(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!fd || fstat(fd.get(), &info) != 0) return cannot_errno(image.string(), errno);
  if (!S_ISREG(info.st_mode))
    return refused(image.string() +
                   (S_ISDIR(info.st_mode) ? ": a directory, not an image" : ": not a regular file"));
  CG_TRY(disk, FileDevice::of(fd.get(), reader.name_));
  CG_TRY(layout, read_layout(disk));
  CG_TRY(place, find_file_system(layout, partition, reader.name_));
  reader.file_.reset(new File{std::move(fd), std::move(disk), std::move(layout), place, Window(disk, 0, 0)});
  File& file = *reader.file_;
  file.window = Window(file.disk, place.offset, place.bytes);
  CG_TRY(files, format_of(place.content)->open(reader.volume()));
  reader.files_ = std::move(files);
  return reader;
}

}  // namespace cg::image
