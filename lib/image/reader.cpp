#include "image/reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"
#include "image/bytes/undo_journal.h"
#include "image/erofs/files.h"
#include "image/ext4/read/ext_files.h"
#include "image/initrd/files.h"

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
  const bool initrd = !partition && is_initrd(layout);
  Place place{.offset = 0, .bytes = layout.bytes, .content = ContentKind::initrd};
  if (!initrd) {
    CG_TRY(found, find_file_system(layout, partition, reader.name_));
    place = found;
  }
  reader.file_.reset(new File{std::move(fd), std::move(disk), std::move(layout), place, Window(disk, 0, 0)});
  File& file = *reader.file_;
  file.window = Window(file.disk, place.offset, place.bytes);
  CG_TRY(files, initrd ? open_initrd_files(file.disk)
                : place.content == ContentKind::erofs
                    ? open_erofs_files(file.window, file.fd.get(), place.offset)
                    : open_ext_files(file.window, reader.name_));
  reader.files_ = std::move(files);
  return reader;
}

}  // namespace cg::image
