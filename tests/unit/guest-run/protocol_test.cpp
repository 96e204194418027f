#include "protocol.h"

#include <gtest/gtest.h>

namespace cg::guest {
namespace {

TEST(Protocol, AFrameSurvivesAnyCutting) {
  const std::string stream = encode(FrameType::stdout_data, std::string("a\0b\n", 4)) +
                             encode(FrameType::done) +
                             encode(FrameType::exited, PayloadWriter().u32(7).u32(0).bytes());
  for (std::size_t cut = 1; cut <= stream.size(); ++cut) {
    Decoder decoder;
    std::vector<Frame> frames;
    for (std::size_t at = 0; at < stream.size(); at += cut) {
      decoder.feed(std::string_view(stream).substr(at, cut));
      while (auto frame = decoder.next()) frames.push_back(*frame);
    }
    ASSERT_EQ(frames.size(), 3U) << "cut into pieces of " << cut;
    EXPECT_EQ(frames[0].type, FrameType::stdout_data);
    EXPECT_EQ(frames[0].payload, std::string("a\0b\n", 4));
    EXPECT_EQ(frames[1].type, FrameType::done);
    PayloadReader fields(frames[2].payload);
    EXPECT_EQ(fields.u32(), 7U);
    EXPECT_EQ(fields.u32(), 0U);
    EXPECT_TRUE(fields.complete());
    EXPECT_EQ(decoder.pending(), 0U);
  }
}

TEST(Protocol, ATruncatedFrameIsNotAFrame) {
  const std::string frame = encode(FrameType::error, "text");
  for (std::size_t size = 0; size < frame.size(); ++size) {
    Decoder decoder;
    decoder.feed(std::string_view(frame).substr(0, size));
    EXPECT_FALSE(decoder.next());
    EXPECT_EQ(decoder.broken(), "");
    EXPECT_EQ(decoder.pending(), size);
  }
}

TEST(Protocol, UnknownTypesAndHugeLengthsBreakTheStreamForGood) {
  const std::string good = encode(FrameType::done);
  for (const std::string& bad :
       {std::string("\x00\0\0\0\0\0\0\0", 8), std::string("\x09\0\0\0\0\0\0\0", 8),
        std::string("\xff\0\0\0\0\0\0\0", 8), std::string("\x01\x01\0\0\0\0\0\0", 8),
        std::string("\x01\0\0\0\x01\0\x10\0", 8), std::string("\x01\0\0\0\xff\xff\xff\xff", 8)}) {
    Decoder decoder;
    decoder.feed(bad);
    EXPECT_FALSE(decoder.next());
    EXPECT_NE(decoder.broken(), "");
    decoder.feed(good);
    EXPECT_FALSE(decoder.next()) << "a broken stream came back to life";
  }
}

TEST(Protocol, TheLargestPayloadIsStillAllowed) {
  Decoder decoder;
  decoder.feed(encode(FrameType::put_data, std::string(max_payload, 'x')));
  const auto frame = decoder.next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->payload.size(), max_payload);
}

TEST(Protocol, EveryNamedTypeIsKnown) {
  for (auto type = static_cast<int>(FrameType::put_begin); type <= static_cast<int>(FrameType::power_off);
       ++type)
    EXPECT_TRUE(is_frame_type(static_cast<std::uint8_t>(type)));
  for (auto type = static_cast<int>(FrameType::hello); type <= static_cast<int>(FrameType::file_data); ++type)
    EXPECT_TRUE(is_frame_type(static_cast<std::uint8_t>(type)));
}

TEST(Payload, FieldsComeBack) {
  const auto bytes =
      PayloadWriter().string("").u64(1ULL << 40).strings({"a", "", std::string("\0", 1)}).u32(~0U).bytes();
  PayloadReader fields(bytes);
  EXPECT_EQ(fields.string(), "");
  EXPECT_EQ(fields.u64(), 1ULL << 40);
  EXPECT_EQ(fields.strings(), (std::vector<std::string>{"a", "", std::string("\0", 1)}));
  EXPECT_FALSE(fields.complete());
  EXPECT_EQ(fields.u32(), ~0U);
  EXPECT_TRUE(fields.complete());
}

TEST(Payload, EveryTruncationIsNoticed) {
  const auto bytes = PayloadWriter().strings({"one", "two"}).u32(3).string("end").bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    PayloadReader fields(std::string_view(bytes).substr(0, size));
    fields.strings();
    fields.u32();
    fields.string();
    EXPECT_FALSE(fields.complete()) << size << " bytes were taken for the whole";
  }
}

TEST(Payload, ACountBeyondTheBytesCostsNothing) {
  const auto bytes = PayloadWriter().u32(~0U).bytes();
  PayloadReader fields(bytes);
  EXPECT_TRUE(fields.strings().empty());
  EXPECT_FALSE(fields.complete());
}

TEST(Payload, AStringLongerThanTheBytesIsNotRead) {
  const auto bytes = PayloadWriter().u32(~0U).u32(1).bytes();
  PayloadReader fields(bytes);
  EXPECT_EQ(fields.string(), "");
  EXPECT_FALSE(fields.complete());
}

}  // namespace
}  // namespace cg::guest
