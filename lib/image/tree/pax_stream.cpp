#include "image/tree/pax_stream.h"

#include <algorithm>
#include <charconv>

#include "base/file.h"

namespace cg::image {
namespace {

constexpr std::size_t block_bytes = 512;
constexpr std::size_t size_at = 124;
constexpr std::size_t size_bytes = 12;
constexpr std::size_t type_at = 156;
constexpr std::string_view mark = "21 hdrcharset=BINARY\n";
constexpr std::string_view comment = "21 comment=hdrcharse\n";
static_assert(mark.size() == comment.size());

// Octal digits, or with the first bit set a number of base 256 (POSIX pax; GNU tar's extension).
std::uint64_t size_of(std::string_view header) {
  const std::string_view field = header.substr(size_at, size_bytes);
  std::uint64_t size = 0;
  if (field[0] & 0x80) {
    for (const char byte : field.substr(4)) size = size << 8 | static_cast<unsigned char>(byte);
    return size;
  }
  std::from_chars(field.data(), field.data() + field.size(), size, 8);
  return size;
}

// Letters that no reader composes with their neighbours, in well-formed UTF-8 (RFC 3629). What bsdtar would
// write in another form (a letter and its accent as one) keeps the mark.
bool is_plain_text(std::string_view text) {
  const auto is_letter = [](std::uint32_t code) {
    return (code >= 0xa0 && code < 0x300) || (code >= 0x400 && code < 0x483) ||
           (code >= 0x48a && code < 0x530) || (code >= 0x4e00 && code < 0xa000);
  };
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const std::size_t more = first < 0x80 ? 0 : first < 0xc2 ? 4 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 4;
    if (more == 4 || at + more >= text.size()) return false;
    std::uint32_t code = more == 0 ? first : first & (0x3fU >> more);
    for (std::size_t i = 1; i <= more; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if ((next & 0xc0) != 0x80) return false;
      code = code << 6 | (next & 0x3fU);
    }
    if (more > 0 && !is_letter(code)) return false;
    at += 1 + more;
  }
  return true;
}

std::uint64_t blocks_of(std::uint64_t bytes) {
  return (bytes + block_bytes - 1) / block_bytes;
}

}  // namespace

Result<void> PaxStream::block(std::string_view block) {
  if (data_ > 0) {
    --data_;
    out_ += block;
    return {};
  }
  if (header_.empty()) {
    const std::uint64_t size = size_of(block);
    if (block[type_at] == 'x') {
      header_ = block;
      records_ = blocks_of(size);
      size_ = size;
      return {};
    }
    out_ += block;
    data_ = blocks_of(size_ != UINT64_MAX ? size_ : size);
    size_ = UINT64_MAX;
    return {};
  }
  header_ += block;
  if (--records_ > 0) return {};
  // "LENGTH KEY=VALUE\n", LENGTH being that of all of it.
  const std::size_t end = block_bytes + size_;
  size_ = UINT64_MAX;
  std::size_t marked = std::string::npos;
  bool is_text = true;
  for (std::size_t at = block_bytes; at < end;) {
    std::size_t length = 0;
    const std::string_view all = std::string_view(header_).substr(0, end).substr(at);
    std::from_chars(all.data(), all.data() + all.size(), length);
    const std::size_t space = all.find(' ');
    if (length == 0 || length > all.size() || space >= length) break;
    const std::string_view record = all.substr(space + 1, length - space - 2);
    if (all.starts_with(mark)) marked = at;
    for (const std::string_view key : {"path=", "linkpath=", "GNU.sparse.name="})
      if (record.starts_with(key) && !is_plain_text(record)) is_text = false;
    if (record.starts_with("size=")) {
      std::uint64_t size = 0;
      std::from_chars(record.data() + 5, record.data() + record.size(), size);
      size_ = size;
    }
    at += length;
  }
  if (marked != std::string::npos && is_text) header_.replace(marked, mark.size(), comment);
  out_ += header_;
  header_.clear();
  return {};
}

Result<void> PaxStream::write(std::string_view bytes) {
  if (!rest_.empty()) {
    const std::size_t missing = std::min(block_bytes - rest_.size(), bytes.size());
    rest_ += bytes.substr(0, missing);
    bytes.remove_prefix(missing);
    if (rest_.size() < block_bytes) return {};
    CG_CHECK(block(rest_));
    rest_.clear();
  }
  while (bytes.size() >= block_bytes) {
    if (data_ > 0) {
      const std::uint64_t count = std::min<std::uint64_t>(data_, bytes.size() / block_bytes);
      out_ += bytes.substr(0, count * block_bytes);
      bytes.remove_prefix(count * block_bytes);
      data_ -= count;
      continue;
    }
    CG_CHECK(block(bytes.substr(0, block_bytes)));
    bytes.remove_prefix(block_bytes);
  }
  rest_ = bytes;
  CG_CHECK(write_all(fd_, out_, name_));
  out_.clear();
  return {};
}

Result<void> PaxStream::end() {
  const std::string last = std::move(rest_);
  rest_.clear();
  return write_all(fd_, header_ + last, name_);
}

}  // namespace cg::image
