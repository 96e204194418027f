// Between libarchive, which writes a pax tar, and its file. libarchive marks every entry of a tar whose names
// are taken as they are ("hdrcharset=BINARY"), and GNU tar warns of each; where the names of an entry are
// UTF-8, which pax asks for, the mark says nothing and becomes a comment of the same length.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cg::image {

class PaxStream {
 public:
  PaxStream(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  Result<void> write(std::string_view bytes);
  // What is no whole block yet; nothing in a tar that has ended.
  Result<void> end();

 private:
  Result<void> block(std::string_view block);

  int fd_;
  std::string name_;
  std::string rest_;                 // of a block
  std::uint64_t data_ = 0;           // blocks of data to come, which are handed on as they are
  std::string header_;               // a pax header, until it is whole
  std::uint64_t records_ = 0;        // blocks of it to come
  std::uint64_t size_ = UINT64_MAX;  // of the next member, where the pax header says so
  std::string out_;
};

}  // namespace cg::image
