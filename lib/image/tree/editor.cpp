#include "image/tree/editor.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

namespace cg::image {
namespace {

template <class... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};

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
