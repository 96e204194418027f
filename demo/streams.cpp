#include "streams.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace cg::demo {

Result<Streams::Stream> Streams::make_stream(Direction direction) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return cannot_errno("pipe", errno);
  UniqueFd read(ends[0]), write(ends[1]);
  struct stat info {};
  if (fstat(read.get(), &info) != 0) return cannot_errno("fstat", errno);
  if (direction == Direction::to_container) return Stream{std::move(read), std::move(write), info.st_ino};
  return Stream{std::move(write), std::move(read), info.st_ino};
}

Result<Streams> Streams::make() {
  Streams streams;
  CG_TRY(in, make_stream(Direction::to_container));
  CG_TRY(out, make_stream(Direction::from_container));
  CG_TRY(err, make_stream(Direction::from_container));
  streams.all_ = {std::move(in), std::move(out), std::move(err)};
  return streams;
}

void Streams::let_inherit() const {
  for (const Stream& stream : all_) fcntl(stream.inner.get(), F_SETFD, 0);
}

void Streams::handed_over() {
  for (Stream& stream : all_) stream.inner.reset();
  output_ = std::make_unique<LineReader>(std::move(all_[1].outer));
  errors_ = std::make_unique<LineReader>(std::move(all_[2].outer));
}

Result<void> Streams::send_line() {
  return write_all(all_[0].outer.get(), "line\n", "the container's standard input");
}

}  // namespace cg::demo
