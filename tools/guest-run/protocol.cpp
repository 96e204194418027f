#include "protocol.h"

namespace cg::guest {
namespace {

void append_number(std::string& to, std::uint64_t value, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) to.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

std::uint64_t number_at(std::string_view bytes, std::size_t offset, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = width; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[offset + i]);
  return value;
}

}  // namespace

bool is_frame_type(std::uint8_t value) {
  const auto within = [value](FrameType first, FrameType last) {
    return value >= static_cast<std::uint8_t>(first) && value <= static_cast<std::uint8_t>(last);
  };
  return within(FrameType::put_begin, FrameType::power_off) || within(FrameType::hello, FrameType::file_data);
}

std::string encode(FrameType type, std::string_view payload) {
  std::string bytes;
  bytes.reserve(header_size + payload.size());
  append_number(bytes, static_cast<std::uint8_t>(type), 4);
  append_number(bytes, payload.size(), 4);
  return bytes.append(payload);
}

std::optional<Frame> Decoder::next() {
  if (!broken_.empty() || pending() < header_size) return std::nullopt;
  const std::string_view rest = std::string_view(buffer_).substr(used_);
  const std::uint64_t type = number_at(rest, 0, 4);
  const std::uint64_t length = number_at(rest, 4, 4);
  if (type > 0xff || !is_frame_type(static_cast<std::uint8_t>(type))) {
    broken_ = "a frame of unknown type " + std::to_string(type);
    return std::nullopt;
  }
  if (length > max_payload) {
    broken_ = "a frame of " + std::to_string(length) + " bytes; the limit is " + std::to_string(max_payload);
    return std::nullopt;
  }
  if (rest.size() < header_size + length) {
    buffer_.erase(0, used_);
    used_ = 0;
    return std::nullopt;
  }
  Frame frame{static_cast<FrameType>(type), std::string(rest.substr(header_size, length))};
  used_ += header_size + length;
  if (used_ == buffer_.size()) {
    buffer_.clear();
    used_ = 0;
  }
  return frame;
}

PayloadWriter& PayloadWriter::u32(std::uint32_t value) {
  append_number(bytes_, value, 4);
  return *this;
}

PayloadWriter& PayloadWriter::u64(std::uint64_t value) {
  append_number(bytes_, value, 8);
  return *this;
}

PayloadWriter& PayloadWriter::string(std::string_view value) {
  u32(static_cast<std::uint32_t>(value.size()));
  bytes_.append(value);
  return *this;
}

PayloadWriter& PayloadWriter::strings(const std::vector<std::string>& values) {
  u32(static_cast<std::uint32_t>(values.size()));
  for (const auto& value : values) string(value);
  return *this;
}

std::uint64_t PayloadReader::number(std::size_t width) {
  if (rest_.size() < width) {
    good_ = false;
    rest_ = {};
    return 0;
  }
  const std::uint64_t value = number_at(rest_, 0, width);
  rest_.remove_prefix(width);
  return value;
}

std::uint32_t PayloadReader::u32() {
  return static_cast<std::uint32_t>(number(4));
}
std::uint64_t PayloadReader::u64() {
  return number(8);
}

std::string PayloadReader::string() {
  const std::size_t length = u32();
  if (rest_.size() < length) {
    good_ = false;
    rest_ = {};
    return {};
  }
  std::string value(rest_.substr(0, length));
  rest_.remove_prefix(length);
  return value;
}

std::vector<std::string> PayloadReader::strings() {
  std::vector<std::string> values;
  const std::uint32_t count = u32();
  // A count beyond the bytes that are there ends at the first missing string, before memory is spent on it.
  for (std::uint32_t i = 0; i < count && good_; ++i) values.push_back(string());
  if (!good_) values.clear();
  return values;
}

}  // namespace cg::guest
