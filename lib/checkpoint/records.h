// An image file as CRIU writes it: one or two numbers that say what it is, then records, each with its length
// in front. What is cut or damaged is refused with the offset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cg::checkpoint {

// The second number of a file, or the only one where the images are of version 1.
enum class Magic : std::uint32_t {
  inventory = 0x58313116,
  process_tree = 0x50273030,
  core = 0x55053847,
  objects = 0x54432030,
  descriptors = 0x56213732,
  files = 0x56303138,
  filesystem = 0x51403912,
  memory = 0x57492820,
  pagemap = 0x56084025,
  remaps = 0x59133954,
  ghost = 0x52583605,
  terminals = 0x59453036,
  mounts = 0x55563928,
  network_devices = 0x57373951,
  network_namespace = 0x55933752,
  pid_namespace = 0x61157326,
  cgroups = 0x59383330,
  processor = 0x61404013,
  locks = 0x54323616,
  statistics = 0x57093306,
};

class Records {
 public:
  // `name` is for messages. Refused: another magic, nothing at all.
  static Result<Records> open(std::string_view bytes, Magic magic, std::string name);

  bool at_end() const { return at_ == bytes_.size(); }
  std::size_t offset() const { return at_; }  // of the next record
  // Its bytes. Refused: cut short, longer than limits::checkpoint_record_bytes.
  Result<std::string_view> next();
  // The next record as a message. Refused: bytes that are none.
  template <class Message>
  Result<Message> next_as() {
    const std::size_t begin = at_;
    CG_TRY(bytes, next());
    Message message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return damaged(begin);
    return message;
  }
  // An error that names the file and the offset.
  std::unexpected<Error> bad(std::size_t offset, std::string_view what) const;

 private:
  Records(std::string_view bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {}
  std::unexpected<Error> damaged(std::size_t offset) const;

  std::string_view bytes_;
  std::string name_;
  std::size_t at_ = 0;
};

}  // namespace cg::checkpoint
