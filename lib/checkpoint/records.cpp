#include "checkpoint/records.h"

#include <fmt/format.h>

#include "base/limits.h"

namespace cg::checkpoint {
namespace {

constexpr std::uint32_t common_magic =
    0x54564319;  // in front of the other one since version 1.1 of the images
constexpr std::uint32_t service_magic = 0x55105940;  // of files that are no part of the task: statistics

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (unsigned byte = 0; byte < 4; ++byte)
    number |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + byte])) << (8 * byte);
  return number;
}

}  // namespace

Result<Records> Records::open(std::string_view bytes, Magic magic, std::string name) {
  Records records(bytes, std::move(name));
  if (bytes.empty()) return records.bad(0, "it is empty");
  if (bytes.size() < 4) return records.bad(0, "it is cut short in its head");
  std::uint32_t first = number_at(bytes, 0);
  records.at_ = 4;
  if (first == common_magic || first == service_magic) {
    if (bytes.size() < 8) return records.bad(4, "it is cut short in its head");
    first = number_at(bytes, 4);
    records.at_ = 8;
  }
  if (first != static_cast<std::uint32_t>(magic))
    return records.bad(records.at_ - 4,
                       fmt::format("its head says {:#010x}; an image of that name has {:#010x}", first,
                                   static_cast<std::uint32_t>(magic)));
  return records;
}

Result<std::string_view> Records::next() {
  const std::size_t begin = at_;
  if (bytes_.size() - at_ < 4) return bad(begin, "it is cut short in the length of a record");
  const std::uint32_t length = number_at(bytes_, at_);
  if (length > limits::checkpoint_record_bytes)
    return bad(begin,
               fmt::format("a record of {} bytes; the most is {}", length, limits::checkpoint_record_bytes));
  if (bytes_.size() - at_ - 4 < length)
    return bad(begin, fmt::format("it is cut short: a record of {} bytes, of which {} are there", length,
                                  bytes_.size() - at_ - 4));
  at_ += 4 + length;
  return bytes_.substr(begin + 4, length);
}

std::unexpected<Error> Records::bad(std::size_t offset, std::string_view what) const {
  return refused(fmt::format("{}: at byte {}: {}", name_, offset, what));
}

std::unexpected<Error> Records::damaged(std::size_t offset) const {
  return bad(offset, "the record is damaged");
}

}  // namespace cg::checkpoint
