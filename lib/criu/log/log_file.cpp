#include "criu/log/log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <istream>

#include "base/file.h"

namespace cg {

Result<CriuLog> load_criu_log(const std::filesystem::path& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return cannot_errno(path.string(), errno);
  LogReader reader;
  std::array<char, 1 << 16> bytes;
  while (true) {
    const ssize_t count = ::read(file.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return cannot_errno(path.string(), errno);
    if (count == 0) return reader.finish();
    reader.feed({bytes.data(), static_cast<std::size_t>(count)});
  }
}

CriuLog load_criu_log(std::istream& in) {
  LogReader reader;
  std::array<char, 1 << 16> bytes;
  while (in.read(bytes.data(), bytes.size()) || in.gcount() > 0)
    reader.feed({bytes.data(), static_cast<std::size_t>(in.gcount())});
  return reader.finish();
}

}  // namespace cg
