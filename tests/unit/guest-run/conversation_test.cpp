#include "conversation.h"

#include <gtest/gtest.h>

#include <sstream>

#include "base/file.h"
#include "temporary_directory.h"

namespace cg {
namespace {

using guest::encode;
using guest::Frame;
using guest::FrameType;
using guest::PayloadReader;
using guest::PayloadWriter;

class ConversationTest : public testing::Test {
 protected:
  Conversation begin(const Request& request) {
    return std::move(Conversation::begin(request, out_, err_).value());
  }

  // What the host has said since the last call.
  static std::vector<Frame> said(Conversation& conversation) {
    EXPECT_TRUE(conversation.continue_sending());
    guest::Decoder decoder;
    decoder.feed(conversation.outgoing());
    conversation.outgoing().clear();
    std::vector<Frame> frames;
    while (auto frame = decoder.next()) frames.push_back(*frame);
    return frames;
  }
  static std::string exited(unsigned status, unsigned signal = 0) {
    return encode(FrameType::exited, PayloadWriter().u32(status).u32(signal).bytes());
  }
  static std::string up() { return encode(FrameType::hello) + encode(FrameType::ready); }

  std::ostringstream out_;
  std::ostringstream err_;
  TemporaryDirectory directory_;
};

TEST_F(ConversationTest, RunsTheCommandOnceTheGuestIsReady) {
  auto talk = begin({.argv = {"a", "b c"}, .environment = {"K=V"}});
  EXPECT_TRUE(said(talk).empty());
  ASSERT_TRUE(talk.receive(encode(FrameType::hello)));
  EXPECT_TRUE(said(talk).empty());
  ASSERT_TRUE(talk.receive(encode(FrameType::waiting, "the sun") + encode(FrameType::ready)));
  EXPECT_EQ(talk.waiting_for(), "the sun");
  const auto frames = said(talk);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].type, FrameType::run);
  PayloadReader fields(frames[0].payload);
  EXPECT_EQ(fields.strings(), (std::vector<std::string>{"a", "b c"}));
  EXPECT_EQ(fields.strings(), (std::vector<std::string>{"K=V"}));
  ASSERT_TRUE(talk.receive(encode(FrameType::started) + encode(FrameType::stdout_data, "o") +
                           encode(FrameType::stderr_data, "e") + exited(3)));
  EXPECT_EQ(talk.stage(), Stage::finished);
  EXPECT_EQ(talk.status(), 3);
  EXPECT_EQ(out_.str(), "o");
  EXPECT_EQ(err_.str(), "e");
}

TEST_F(ConversationTest, ASignalBecomes128AndItsNumber) {
  auto talk = begin({.argv = {"a"}});
  ASSERT_TRUE(talk.receive(up() + encode(FrameType::started) + exited(0, 15)));
  EXPECT_EQ(talk.status(), 143);
}

TEST_F(ConversationTest, AnEmptyFileIsPutToo) {
  const auto path = directory_.path() / "empty";
  ASSERT_TRUE(write_file_atomically(path, ""));
  auto talk = begin({.puts = {{path, "/x", 0600}}, .argv = {"a"}});
  ASSERT_TRUE(talk.receive(up()));
  auto frames = said(talk);
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].type, FrameType::put_begin);
  EXPECT_EQ(frames[1].type, FrameType::put_end);
  ASSERT_TRUE(talk.receive(encode(FrameType::done)));
  EXPECT_EQ(said(talk).at(0).type, FrameType::run);
}

TEST_F(ConversationTest, APutThatFailsEndsTheRunBeforeTheCommand) {
  const auto path = directory_.path() / "f";
  ASSERT_TRUE(write_file_atomically(path, "x"));
  auto talk = begin({.puts = {{path, "/x", {}}}, .argv = {"a"}});
  ASSERT_TRUE(talk.receive(up()));
  said(talk);
  const auto failed = talk.receive(encode(FrameType::error, "/x: Read-only file system"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "--put: /x: Read-only file system");
}

TEST_F(ConversationTest, AMissingSourceIsKnownBeforeAnythingBoots) {
  const auto talk = Conversation::begin({.puts = {{directory_.path() / "none", "/x", {}}}}, out_, err_);
  ASSERT_FALSE(talk);
  EXPECT_NE(talk.error().message.find("none: No such file"), std::string::npos);
}

TEST_F(ConversationTest, AFileThatBreaksOffLeavesTheOldOne) {
  const auto path = directory_.path() / "kept";
  ASSERT_TRUE(write_file_atomically(path, "old"));
  {
    auto talk = begin({.argv = {"a"}, .gets = {{"/g", path}}});
    ASSERT_TRUE(talk.receive(up() + encode(FrameType::started) + exited(0)));
    ASSERT_TRUE(talk.receive(encode(FrameType::file_begin, PayloadWriter().u32(0644).u64(9).bytes()) +
                             encode(FrameType::file_data, "half")));
    ASSERT_TRUE(talk.receive(encode(FrameType::error, "/g: Input/output error")));
    EXPECT_EQ(talk.stage(), Stage::finished);
    EXPECT_TRUE(talk.lost_a_file());
  }
  EXPECT_EQ(read_file(path).value(), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_.path()), {}), 1)
      << "the temporary stayed";
}

TEST_F(ConversationTest, InputIsOnlyTakenWhileTheCommandRuns) {
  auto talk = begin({.argv = {"a"}, .has_input = true});
  EXPECT_FALSE(talk.takes_input());
  ASSERT_TRUE(talk.receive(up()));
  EXPECT_FALSE(talk.takes_input());
  ASSERT_TRUE(talk.receive(encode(FrameType::started)));
  EXPECT_TRUE(talk.takes_input());
  talk.input(std::string(1 << 20, 'x'));
  EXPECT_FALSE(talk.takes_input()) << "a slow guest must not fill the host's memory";
  talk.outgoing().clear();
  ASSERT_TRUE(talk.receive(exited(0)));
  EXPECT_FALSE(talk.takes_input());
}

// What a hostile or broken guest may say, at any moment, ends the run and nothing else.
TEST_F(ConversationTest, FramesOutOfTurnAreRefused) {
  const auto refused_in = [&](const std::string& before, const std::string& frame) {
    auto talk = begin({.argv = {"a"}, .gets = {{"/g", directory_.path() / "g"}}});
    EXPECT_TRUE(talk.receive(before));
    EXPECT_FALSE(talk.receive(frame));
  };
  const std::string running = up() + encode(FrameType::started);
  refused_in("", encode(FrameType::ready));
  refused_in("", encode(FrameType::stdout_data, "x"));
  refused_in("", encode(FrameType::run));
  refused_in(up(), encode(FrameType::stdout_data, "before started"));
  refused_in(up(), encode(FrameType::file_data, "x"));
  refused_in(running, encode(FrameType::started));
  refused_in(running, encode(FrameType::exited, "short"));
  refused_in(running, exited(256));
  refused_in(running, exited(0, 200));
  refused_in(running, exited(~0U));
  refused_in(running + exited(0), encode(FrameType::file_data, "without a beginning"));
  refused_in(running + exited(0), encode(FrameType::done));
  refused_in(running + exited(0), encode(FrameType::stdout_data, "late"));
  refused_in(running, "GARBAGE!");
  EXPECT_EQ(out_.str(), "");
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

}  // namespace
}  // namespace cg
