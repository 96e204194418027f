#include "compress/encoder.h"

#include <fmt/format.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <vector>

namespace cg {
namespace {

constexpr std::size_t piece_bytes = 256 << 10;
constexpr std::size_t most_at_once = 1U << 30;  // zlib counts in 32 bits

std::unexpected<Error> failed(std::string_view codec) {
  return cannot(fmt::format("the {} encoder failed; is there too little memory?", codec));
}

class Gzip final : public Encoder {
 public:
  Gzip() : buffer_(piece_bytes) {
    good_ = deflateInit2(&stream_, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Gzip() override { deflateEnd(&stream_); }
  Result<void> put(std::span<const std::byte> bytes, const Sink& sink) override {
    while (!bytes.empty()) {
      const auto now = bytes.first(std::min(bytes.size(), most_at_once));
      CG_CHECK(run(now, Z_NO_FLUSH, sink));
      bytes = bytes.subspan(now.size());
    }
    return {};
  }
  Result<void> finish(const Sink& sink) override { return run({}, Z_FINISH, sink); }

 private:
  Result<void> run(std::span<const std::byte> bytes, int flush, const Sink& sink) {
    if (!good_) return failed("gzip");
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    for (int status = Z_OK;;) {
      stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
      stream_.avail_out = static_cast<uInt>(buffer_.size());
      status = deflate(&stream_, flush);
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return failed("gzip");
      if (stream_.avail_out < buffer_.size())
        CG_CHECK(sink(std::span(buffer_).first(buffer_.size() - stream_.avail_out)));
      if (flush == Z_FINISH ? status == Z_STREAM_END : stream_.avail_in == 0 && stream_.avail_out > 0)
        return {};
    }
  }
  z_stream stream_{};
  bool good_ = false;
  std::vector<std::byte> buffer_;
};

class Lzma final : public Encoder {
 public:
  explicit Lzma(Codec codec) : name_(to_string(codec)), buffer_(piece_bytes) {
    if (codec == Codec::xz) {
      good_ = lzma_easy_encoder(&stream_, 6, LZMA_CHECK_CRC32) == LZMA_OK;
    } else {
      lzma_options_lzma options;
      good_ = !lzma_lzma_preset(&options, 6) && lzma_alone_encoder(&stream_, &options) == LZMA_OK;
    }
  }
  ~Lzma() override { lzma_end(&stream_); }
  Result<void> put(std::span<const std::byte> bytes, const Sink& sink) override {
    return run(bytes, LZMA_RUN, sink);
  }
  Result<void> finish(const Sink& sink) override { return run({}, LZMA_FINISH, sink); }

 private:
  Result<void> run(std::span<const std::byte> bytes, lzma_action action, const Sink& sink) {
    if (!good_) return failed(name_);
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
    stream_.avail_in = bytes.size();
    for (lzma_ret status = LZMA_OK;;) {
      stream_.next_out = reinterpret_cast<std::uint8_t*>(buffer_.data());
      stream_.avail_out = buffer_.size();
      if (action == LZMA_FINISH || stream_.avail_in > 0) status = lzma_code(&stream_, action);
      if (status != LZMA_OK && status != LZMA_STREAM_END) return failed(name_);
      if (stream_.avail_out < buffer_.size())
        CG_CHECK(sink(std::span(buffer_).first(buffer_.size() - stream_.avail_out)));
      if (action == LZMA_FINISH ? status == LZMA_STREAM_END : stream_.avail_in == 0) return {};
    }
  }
  std::string_view name_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool good_ = false;
  std::vector<std::byte> buffer_;
};

class Zstd final : public Encoder {
 public:
  Zstd() : stream_(ZSTD_createCStream(), ZSTD_freeCStream), buffer_(piece_bytes) {
    good_ = stream_ && !ZSTD_isError(ZSTD_CCtx_setParameter(stream_.get(), ZSTD_c_compressionLevel, 12)) &&
            !ZSTD_isError(ZSTD_CCtx_setParameter(stream_.get(), ZSTD_c_checksumFlag, 1));
  }
  Result<void> put(std::span<const std::byte> bytes, const Sink& sink) override {
    return run(bytes, ZSTD_e_continue, sink);
  }
  Result<void> finish(const Sink& sink) override { return run({}, ZSTD_e_end, sink); }

 private:
  Result<void> run(std::span<const std::byte> bytes, ZSTD_EndDirective directive, const Sink& sink) {
    if (!good_) return failed("zstd");
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
      const std::size_t left = ZSTD_compressStream2(stream_.get(), &out, &in, directive);
      if (ZSTD_isError(left)) return failed("zstd");
      if (out.pos > 0) CG_CHECK(sink(std::span(buffer_).first(out.pos)));
      if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size) return {};
    }
  }
  std::unique_ptr<ZSTD_CStream, std::size_t (*)(ZSTD_CStream*)> stream_;
  bool good_ = false;
  std::vector<std::byte> buffer_;
};

}  // namespace

bool Encoder::makes(Codec codec) {
  return codec == Codec::gzip || codec == Codec::zstd || codec == Codec::xz || codec == Codec::lzma;
}

Result<std::unique_ptr<Encoder>> Encoder::make(Codec codec) {
  switch (codec) {
    case Codec::gzip:
      return std::make_unique<Gzip>();
    case Codec::zstd:
      return std::make_unique<Zstd>();
    case Codec::xz:
    case Codec::lzma:
      return std::make_unique<Lzma>(codec);
    default:
      return cannot(fmt::format("{} is only read here, not written", to_string(codec)));
  }
}

}  // namespace cg
