// Standard input, output and error of one life of the container: three pipes to outside, as the Kata agent
// makes them.
#pragma once

#include <array>
#include <memory>

#include "base/file.h"
#include "line_reader.h"

namespace cg::demo {

class Streams {
 public:
  static Result<Streams> make();

  // The container's end of stream 0, 1 or 2, and the inode by which criu knows its pipe.
  int inner(std::size_t i) const { return all_[i].inner.get(); }
  unsigned long inode(std::size_t i) const { return all_[i].inode; }
  // The container's ends stay open over exec, for criu to hand them on.
  void let_inherit() const;
  // The container has its ends: ours of them are closed, and what it writes is read from now on.
  void handed_over();

  LineReader& output() { return *output_; }
  LineReader& errors() { return *errors_; }
  Result<void> send_line();

 private:
  struct Stream {
    UniqueFd inner;
    UniqueFd outer;
    unsigned long inode = 0;
  };
  enum class Direction { to_container, from_container };

  Streams() = default;
  static Result<Stream> make_stream(Direction direction);

  std::array<Stream, 3> all_;
  std::unique_ptr<LineReader> output_;
  std::unique_ptr<LineReader> errors_;
};

}  // namespace cg::demo
