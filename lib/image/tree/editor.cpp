#include "image/tree/editor.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/file.h"

namespace cg::image {
namespace {

template <class... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};

// Without blocks: empty, one hole, or made up by the kernel while it is read, with a size of 0 (/proc) or of
// a page
// (/sys). What is made up is read once, to its end, and is a file in memory from then on.
Result<void> take_whole(SourceFile& source, const std::string& name) {
  constexpr std::size_t most = 16 << 20;
  if (source.info.st_blocks != 0 || source.info.st_size > static_cast<off_t>(most)) return {};
  std::string bytes;
  std::string piece(64 << 10, '\0');
  for (;;) {
    const ssize_t got = read(source.fd.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_errno(name, errno);
    if (got == 0) break;
    bytes.append(piece, 0, static_cast<std::size_t>(got));
    if (bytes.size() > most) return refused(name + ": is made while it is read, and has more than 16 MiB");
  }
  if (bytes.size() == static_cast<std::size_t>(source.info.st_size)) return {};  // may be read as it is
  UniqueFd memory(memfd_create("source", MFD_CLOEXEC));
  if (!memory) return cannot_errno("a file in memory", errno);
  CG_CHECK(write_all(memory.get(), bytes, "a file in memory"));
  source.fd = std::move(memory);
  source.info.st_size = static_cast<off_t>(bytes.size());
  return {};
}

}  // namespace

std::int64_t SourceFile::time(std::optional<std::int64_t> newest) const {
  const std::int64_t own = info.st_mtim.tv_sec;
  return newest ? std::min(own, *newest) : own;
}

Result<SourceFile> open_source(const std::filesystem::path& path) {
  SourceFile source;
  // A pipe must not make us wait before it is refused.
  source.fd.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!source.fd || fstat(source.fd.get(), &source.info) != 0) return cannot_errno(path.string(), errno);
  if (!S_ISREG(source.info.st_mode)) return refused(path.string() + ": not a regular file");
  CG_CHECK(take_whole(source, path.string()));
  return source;
}

Result<Changed> Editor::apply(const Change& change, SourceFile* source) {
  return std::visit(Match{[&](const Injection& wish) -> Result<Changed> {
                            if (!source) return cannot(wish.destination + ": an injection without a source");
                            return inject(wish, *source);
                          },
                          [&](const Removal& wish) { return remove(wish); },
                          [&](const NewDirectory& wish) { return make_directory(wish); },
                          [&](const NewSymlink& wish) { return make_symlink(wish); },
                          [&](const ModeChange& wish) { return change_mode(wish); },
                          [&](const OwnerChange& wish) { return change_owner(wish); }},
                    change);
}

}  // namespace cg::image
