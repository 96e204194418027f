#include "compress/decoder.h"

#include <bzlib.h>
#include <fmt/format.h>
#include <lz4.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "compress/lzop.h"

namespace cg {
namespace {

constexpr std::uint64_t most_dictionary = 512U << 20;  // xz -9 wants 65 MiB
constexpr std::size_t most_at_once = 1U << 30;         // zlib and libbz2 count in 32 bits

std::unexpected<Error> damaged(std::string_view codec) {
  return refused(fmt::format("the {} data is damaged", codec));
}
std::unexpected<Error> cut_short(std::string_view codec) {
  return refused(fmt::format("the {} data is cut short", codec));
}
std::unexpected<Error> no_start(std::string_view codec) {
  return cannot(fmt::format("the {} decoder could not start", codec));
}

template <class T>
T* writable(std::span<const std::byte> bytes) {  // the C interfaces take no const
  return reinterpret_cast<T*>(const_cast<std::byte*>(bytes.data()));
}

class Gzip final : public Decoder {
 public:
  Gzip() { good_ = inflateInit2(&stream_, 15 + 16) == Z_OK; }  // 16: with gzip's header and checksum
  ~Gzip() override { inflateEnd(&stream_); }
  Result<Step> step(std::span<const std::byte> in, Rest rest, std::span<std::byte> out) override {
    if (!good_) return no_start("gzip");
    in = in.first(std::min(in.size(), most_at_once));
    out = out.first(std::min(out.size(), most_at_once));
    stream_.next_in = writable<Bytef>(in);
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int status = inflate(&stream_, Z_NO_FLUSH);
    const Step step{in.size() - stream_.avail_in, out.size() - stream_.avail_out, status == Z_STREAM_END};
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return damaged("gzip");
    if (!step.done && step.taken == 0 && step.made == 0 && rest == Rest::none) return cut_short("gzip");
    return step;
  }

 private:
  z_stream stream_{};
  bool good_ = false;
};

class Lzma final : public Decoder {
 public:
  explicit Lzma(Codec codec) : name_(to_string(codec)) {
    good_ = (codec == Codec::xz ? lzma_stream_decoder(&stream_, most_dictionary, 0)
                                : lzma_alone_decoder(&stream_, most_dictionary)) == LZMA_OK;
  }
  ~Lzma() override { lzma_end(&stream_); }
  Result<Step> step(std::span<const std::byte> in, Rest rest, std::span<std::byte> out) override {
    if (!good_) return no_start(name_);
    stream_.next_in = writable<std::uint8_t>(in);
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream_.avail_out = out.size();
    const lzma_ret status = lzma_code(&stream_, LZMA_RUN);
    const Step step{in.size() - stream_.avail_in, out.size() - stream_.avail_out, status == LZMA_STREAM_END};
    if (status == LZMA_MEMLIMIT_ERROR)
      return refused(
          fmt::format("the {} data wants a dictionary of more than {} MiB", name_, most_dictionary >> 20));
    if (status != LZMA_OK && status != LZMA_STREAM_END && status != LZMA_BUF_ERROR) return damaged(name_);
    if (!step.done && step.taken == 0 && step.made == 0 && rest == Rest::none) return cut_short(name_);
    return step;
  }

 private:
  std::string_view name_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool good_ = false;
};

class Zstd final : public Decoder {
 public:
  Zstd() : stream_(ZSTD_createDStream(), ZSTD_freeDStream) {}
  Result<Step> step(std::span<const std::byte> in, Rest rest, std::span<std::byte> out) override {
    if (!stream_) return no_start("zstd");
    ZSTD_inBuffer source{in.data(), in.size(), 0};
    ZSTD_outBuffer target{out.data(), out.size(), 0};
    const std::size_t status = ZSTD_decompressStream(stream_.get(), &target, &source);
    if (ZSTD_isError(status)) return damaged("zstd");
    const Step step{source.pos, target.pos, status == 0};
    if (!step.done && step.taken == 0 && step.made == 0 && rest == Rest::none) return cut_short("zstd");
    return step;
  }

 private:
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream_;
};

class Bzip2 final : public Decoder {
 public:
  Bzip2() { good_ = BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK; }
  ~Bzip2() override { BZ2_bzDecompressEnd(&stream_); }
  Result<Step> step(std::span<const std::byte> in, Rest rest, std::span<std::byte> out) override {
    if (!good_) return no_start("bzip2");
    in = in.first(std::min(in.size(), most_at_once));
    out = out.first(std::min(out.size(), most_at_once));
    stream_.next_in = writable<char>(in);
    stream_.avail_in = static_cast<unsigned>(in.size());
    stream_.next_out = reinterpret_cast<char*>(out.data());
    stream_.avail_out = static_cast<unsigned>(out.size());
    const int status = BZ2_bzDecompress(&stream_);
    const Step step{in.size() - stream_.avail_in, out.size() - stream_.avail_out, status == BZ_STREAM_END};
    if (status != BZ_OK && status != BZ_STREAM_END) return damaged("bzip2");
    if (!step.done && step.taken == 0 && step.made == 0 && rest == Rest::none) return cut_short("bzip2");
    return step;
  }

 private:
  bz_stream stream_{};
  bool good_ = false;
};

// The legacy frame: its magic, then pieces of at most 8 MiB, each after its packed length. No mark ends it:
// that is the end of the file or a length of 0, as padding gives (Linux lib/decompress_unlz4.c).
class Lz4Legacy final : public Decoder {
 public:
  Result<Step> step(std::span<const std::byte> in, Rest rest, std::span<std::byte> out) override {
    Step step;
    while (step.made < out.size()) {
      if (given_ < piece_.size()) {
        const std::size_t count = std::min(piece_.size() - given_, out.size() - step.made);
        std::copy_n(piece_.begin() + static_cast<std::ptrdiff_t>(given_), count,
                    out.begin() + static_cast<std::ptrdiff_t>(step.made));
        given_ += count;
        step.made += count;
        continue;
      }
      const auto ahead = in.subspan(step.taken);
      if (wanted_ == 0) {
        if (ahead.empty() && rest == Rest::none && begun_) {
          step.done = true;
          return step;
        }
        if (ahead.size() < 4) {
          if (rest == Rest::follows) return step;
          if (!begun_) return cut_short("lz4");
          step.done = true;  // padding of less than a length
          return step;
        }
        std::uint32_t word = 0;
        for (std::size_t i = 4; i-- > 0;) word = word << 8 | std::to_integer<std::uint32_t>(ahead[i]);
        if (word == 0 && begun_) {
          step.done = true;
          return step;
        }
        if (word == 0x184c2102) {
          begun_ = true;
        } else if (!begun_ || word > static_cast<std::uint32_t>(LZ4_COMPRESSBOUND(most_piece))) {
          return damaged("lz4");
        } else {
          wanted_ = word;
          packed_.clear();
        }
        step.taken += 4;
        continue;
      }
      if (ahead.empty()) {
        if (rest == Rest::follows) return step;
        return cut_short("lz4");
      }
      const auto more = ahead.first(std::min(ahead.size(), wanted_ - packed_.size()));
      packed_.insert(packed_.end(), more.begin(), more.end());
      step.taken += more.size();
      if (packed_.size() < wanted_) continue;
      piece_.resize(most_piece);
      const int made = LZ4_decompress_safe(reinterpret_cast<const char*>(packed_.data()),
                                           reinterpret_cast<char*>(piece_.data()),
                                           static_cast<int>(packed_.size()), most_piece);
      if (made < 0) return damaged("lz4");
      piece_.resize(static_cast<std::size_t>(made));
      given_ = 0;
      wanted_ = 0;
    }
    return step;
  }

 private:
  static constexpr int most_piece = 8 << 20;
  bool begun_ = false;
  std::size_t wanted_ = 0;         // bytes of the packed piece; 0: its length comes next
  std::vector<std::byte> packed_;  // what has come of it
  std::vector<std::byte> piece_;
  std::size_t given_ = 0;  // of piece_
};

class Lz4Frame final : public Decoder {
 public:
  Lz4Frame() { good_ = !LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)); }
  ~Lz4Frame() override { LZ4F_freeDecompressionContext(context_); }
  Result<Step> step(std::span<const std::byte> in, Rest rest, std::span<std::byte> out) override {
    if (!good_) return no_start("lz4");
    Step step{in.size(), out.size()};
    const std::size_t status =
        LZ4F_decompress(context_, out.data(), &step.made, in.data(), &step.taken, nullptr);
    if (LZ4F_isError(status)) return damaged("lz4");
    step.done = status == 0;
    if (!step.done && step.taken == 0 && step.made == 0 && rest == Rest::none) return cut_short("lz4");
    return step;
  }

 private:
  LZ4F_dctx* context_ = nullptr;
  bool good_ = false;
};

}  // namespace

std::unique_ptr<Decoder> Decoder::make(Codec codec) {
  switch (codec) {
    case Codec::gzip:
      return std::make_unique<Gzip>();
    case Codec::xz:
    case Codec::lzma:
      return std::make_unique<Lzma>(codec);
    case Codec::zstd:
      return std::make_unique<Zstd>();
    case Codec::lz4:
      return std::make_unique<Lz4Legacy>();
    case Codec::lz4_frame:
      return std::make_unique<Lz4Frame>();
    case Codec::bzip2:
      return std::make_unique<Bzip2>();
    case Codec::lzop:
      return make_lzop_decoder();
  }
  std::unreachable();
}

}  // namespace cg
