// Every stream that is written is read again, and ends at its own last byte: what follows in an initrd must
// not be taken for a part of it.
#include <gtest/gtest.h>

#include <ostream>
#include <random>
#include <string>

#include "base/process.h"
#include "compress/decoder.h"
#include "compress/encoder.h"
#include "compress/unpack.h"

namespace cg {

void PrintTo(Codec codec, std::ostream* out) {
  *out << to_string(codec);
}

namespace {

// Packers for what is only read here.
std::vector<std::string> packer_of(Codec codec) {
  switch (codec) {
    case Codec::bzip2:
      return {"bzip2", "-c"};
    case Codec::lzop:
      return {"lzop", "-c"};
    case Codec::lz4_frame:
      return {"lz4", "-c", "-q"};
    default:
      return {};
  }
}
bool can_encode(Codec codec) {
  return Encoder::makes(codec) || find_program(packer_of(codec).front());
}

std::string encoded(Codec codec, std::string_view text) {
  if (!Encoder::makes(codec)) {
    ProcessOptions options;
    options.input = text;
    const auto packed = run(packer_of(codec), options);
    EXPECT_TRUE(packed && packed->status == 0);
    return packed ? packed->out : "";
  }
  std::string out;
  const Encoder::Sink sink = [&](std::span<const std::byte> piece) -> Result<void> {
    out.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return {};
  };
  auto encoder = Encoder::make(codec);
  EXPECT_TRUE(encoder);
  EXPECT_TRUE((*encoder)->put(std::as_bytes(std::span(text)), sink));
  EXPECT_TRUE((*encoder)->finish(sink));
  return out;
}

struct Decoded {
  Result<void> result;
  std::string text;
  std::size_t taken = 0;
};

// In steps of `in` and `out` bytes.
Decoded decoded(Codec codec, std::string_view bytes, std::size_t in, std::size_t out) {
  Decoded done;
  auto decoder = Decoder::make(codec);
  std::string room(out, '\0');
  for (;;) {
    const auto piece = bytes.substr(done.taken, in);
    const auto rest =
        done.taken + piece.size() == bytes.size() ? Decoder::Rest::none : Decoder::Rest::follows;
    auto step = decoder->step(std::as_bytes(std::span(piece)), rest, std::as_writable_bytes(std::span(room)));
    if (!step) {
      done.result = std::unexpected(step.error());
      return done;
    }
    done.taken += step->taken;
    done.text += room.substr(0, step->made);
    if (step->done) return done;
  }
}

class Compress : public testing::TestWithParam<Codec> {};

TEST_P(Compress, EndsWhereItEnds) {
  if (!can_encode(GetParam())) GTEST_SKIP() << packer_of(GetParam()).front() << " is not installed";
  std::mt19937 random(3);
  std::string text;
  for (int i = 0; i < 20000; ++i) text += std::to_string(random() % 1000);
  for (const std::string& plain : {std::string(), std::string("x"), text}) {
    const std::string packed = encoded(GetParam(), plain);
    if (Encoder::makes(GetParam())) {
      EXPECT_TRUE(encoded(GetParam(), plain) == packed);
    }
    EXPECT_EQ(codec_of(packed), GetParam());
    for (const std::string_view behind : {"", "070701", "\x1f\x8b\x08 and more"})
      for (const auto& [in, out] :
           {std::pair<std::size_t, std::size_t>{1 << 20, 1 << 20}, {7, 5}, {100, 1}}) {
        const auto done = decoded(GetParam(), packed + std::string(behind), in, out);
        ASSERT_TRUE(done.result) << done.result.error().message;
        EXPECT_TRUE(done.text == plain);
        EXPECT_EQ(done.taken, packed.size()) << behind;
      }
  }
}

TEST_P(Compress, CutShortIsAnError) {
  if (!can_encode(GetParam())) GTEST_SKIP() << packer_of(GetParam()).front() << " is not installed";
  const std::string packed = encoded(GetParam(), "some text, and again some text");
  for (std::size_t size = 6; size < packed.size(); ++size) {
    const auto done = decoded(GetParam(), packed.substr(0, size), 1 << 20, 1 << 20);
    EXPECT_FALSE(done.result) << size;
  }
}

TEST_P(Compress, AWholeFileWithinItsLimit) {
  if (!can_encode(GetParam())) GTEST_SKIP() << packer_of(GetParam()).front() << " is not installed";
  const std::string text(1 << 20, 'x');
  const std::string packed = encoded(GetParam(), text);
  EXPECT_TRUE(unpack_whole(packed, "f", 1 << 20) == text);
  EXPECT_TRUE(unpack_whole(packed + "1234", "f", 1 << 20) == text);  // as a kernel's build appends it
  const auto twice = unpack_whole(packed + packed, "f", 2 << 20);
  ASSERT_TRUE(twice);
  EXPECT_EQ(twice->size(), 2U << 20);
  EXPECT_EQ(unpack_whole(packed + packed, "f", (2 << 20) - 1).error().message,
            "f: unpacks to more than 2097151 bytes");
  EXPECT_TRUE(
      unpack_whole(packed.substr(0, packed.size() / 2), "f", 1 << 20).error().message.starts_with("f: the "));
  std::size_t pieces = 0;
  EXPECT_TRUE(unpack_stream(packed, "f", 1 << 20, [&](std::string_view) { return ++pieces < 2; }));
  EXPECT_EQ(pieces, 2U);
}

INSTANTIATE_TEST_SUITE_P(Codecs, Compress,
                         testing::Values(Codec::gzip, Codec::xz, Codec::zstd, Codec::lzma, Codec::bzip2,
                                         Codec::lzop, Codec::lz4_frame),
                         [](const auto& info) {
                           return info.param == Codec::lz4_frame ? "lz4_frame"
                                                                 : std::string(to_string(info.param));
                         });

TEST(Codecs, AChecksumIsLookedAt) {
  std::string packed = encoded(Codec::gzip, std::string(1 << 20, 'x'));
  packed[packed.size() - 6] = static_cast<char>(packed[packed.size() - 6] ^ 1);
  EXPECT_EQ(unpack_whole(packed, "f", 1 << 20).error().message, "f: the gzip data is damaged");
}

TEST(Codecs, WhatIsNotReadOrWritten) {
  EXPECT_EQ(Encoder::make(Codec::bzip2).error().kind, ErrorKind::cannot);
  EXPECT_EQ(codec_of("070701"), std::nullopt);
  EXPECT_FALSE(unpack_whole("plain", "f", 100));
}

}  // namespace
}  // namespace cg
