#include "base/io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"

namespace cg {

Result<MappedFile> MappedFile::of(int fd, const std::string& name) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return cannot_errno(name, errno);
  if (!S_ISREG(info.st_mode)) return cannot(name + ": not a regular file");
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return MappedFile(nullptr, 0);  // mmap takes no empty range
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED) return cannot_errno(name, errno);
  return MappedFile(data, size);
}

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return cannot_errno(path.string(), errno);
  return of(fd.get(), path.string());
}

MappedFile::~MappedFile() {
  if (data_) munmap(data_, size_);
}

}  // namespace cg
