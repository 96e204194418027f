// Compresses a stream so that the kernel can unpack it, and so that the same bytes give the same bytes.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "compress/codec.h"

namespace cg {

class Encoder {
 public:
  using Sink = std::function<Result<void>(std::span<const std::byte>)>;
  // gzip (level 9, no time), zstd (12: an eighth larger than by 19, in a twelfth of the time), xz (6, with
  // CRC-32, the checksum that the kernel knows) and lzma (6). Cannot: others are only read.
  static Result<std::unique_ptr<Encoder>> make(Codec codec);
  static bool makes(Codec codec);
  virtual ~Encoder() = default;

  virtual Result<void> put(std::span<const std::byte> bytes, const Sink& sink) = 0;
  virtual Result<void> finish(const Sink& sink) = 0;
};

}  // namespace cg
