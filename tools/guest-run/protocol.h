// What guest-run and guest-init say to each other over one virtio-serial port: frames of a type, a length and
// a payload. Both sides compile this file, so a version number is not needed: guest-init travels inside
// guest-run.
//
//   byte 0       type (FrameType)
//   bytes 1..3   zero
//   bytes 4..7   payload length, little endian, at most max_payload
//   bytes 8..    payload
//
// Neither side trusts the other's bytes: a guest may be hostile, and its kernel may print into the wrong
// device.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cg::guest {

inline constexpr char port_name[] = "criu-guest.0";  // of the virtio-serial port
inline constexpr std::size_t header_size = 8;
inline constexpr std::size_t max_payload = 1 << 20;
inline constexpr std::size_t chunk_size = 64 << 10;  // bytes of a stream or file in one frame

enum class FrameType : std::uint8_t {
  // host to guest
  put_begin = 1,  // string path, u32 mode
  put_data,       // bytes
  put_end,        // answered by done or error
  run,            // strings argv, strings environment; answered by started, or not_run
  stdin_data,     // bytes
  stdin_end,
  get,        // string path; answered by file_begin, file_data..., done; or error
  power_off,  // answered by done, then the guest is off
  // guest to host
  hello = 64,  // the first byte of a guest: guest-init runs
  waiting,     // text: what the boot waits for
  ready,       // commands can run
  done,
  error,  // text: this request failed
  fatal,  // text: the guest cannot go on
  started,
  stdout_data,  // bytes
  stderr_data,  // bytes
  exited,       // u32 exit status, u32 signal (0: none)
  not_run,      // u32 exit status (126 or 127), string why
  file_begin,   // u32 mode, u64 size
  file_data,    // bytes
};

bool is_frame_type(std::uint8_t value);

struct Frame {
  FrameType type{};
  std::string payload;
};

// `payload` must not be larger than max_payload.
std::string encode(FrameType type, std::string_view payload = {});

// Cuts a stream of bytes into frames.
class Decoder {
 public:
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole frame; nullopt: more bytes are needed, or the stream is broken for good (see broken()).
  std::optional<Frame> next();
  // Why no frame will ever come again; empty when all is well.
  const std::string& broken() const { return broken_; }
  // Bytes of a frame that is not complete.
  std::size_t pending() const { return buffer_.size() - used_; }

 private:
  std::string buffer_;
  std::size_t used_ = 0;
  std::string broken_;
};

// Payloads of several fields. Numbers are little endian; a string is its length (u32) and its bytes.
class PayloadWriter {
 public:
  PayloadWriter& u32(std::uint32_t value);
  PayloadWriter& u64(std::uint64_t value);
  PayloadWriter& string(std::string_view value);
  PayloadWriter& strings(const std::vector<std::string>& values);
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Reading past the end gives zeros and empty strings and clears good().
class PayloadReader {
 public:
  explicit PayloadReader(std::string_view bytes) : rest_(bytes) {}
  std::uint32_t u32();
  std::uint64_t u64();
  std::string string();
  std::vector<std::string> strings();
  // All fields were there, and nothing else.
  bool complete() const { return good_ && rest_.empty(); }

 private:
  std::uint64_t number(std::size_t width);

  std::string_view rest_;
  bool good_ = true;
};

}  // namespace cg::guest
