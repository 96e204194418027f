#include "guest_checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "temporary_directory.h"

namespace cg::demo {
namespace {

using Json = nlohmann::ordered_json;

// A stand-in that prints what the test says.
Result<Json> asked(const std::string& script) {
  const TemporaryDirectory directory;
  const auto program = directory.path() / "guest-checkpoint";
  EXPECT_TRUE(write_file_atomically(program, "#!/bin/sh\n" + script, 0755));
  return ask_guest_checkpoint({program.string(), "dump"});
}

TEST(GuestCheckpoint, ItsDocumentCountsAndNotItsStatus) {
  const auto document =
      asked("[ \"$*\" = 'dump --format json' ] && echo '{\"verdict\": \"refused\"}'; exit 1\n");
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(document->value("verdict", ""), "refused");
}

TEST(GuestCheckpoint, WithoutADocumentItsErrorIsOurs) {
  const auto document = asked("echo '{\"message\": \"no criu here\", \"exit_status\": 3}' >&2; exit 3\n");
  ASSERT_FALSE(document);
  EXPECT_TRUE(document.error().message.contains("status 3: no criu here")) << document.error().message;
  const auto garbage = asked("echo text; echo why >&2; exit 127\n");
  ASSERT_FALSE(garbage);
  EXPECT_TRUE(garbage.error().message.contains("why")) << garbage.error().message;
}

TEST(GuestCheckpoint, WhyNotNamesFindingsCauseAndNotes) {
  const Json document = Json::parse(
      R"({"verdict":"failed","headline":"FAILED: criu ended with 1","cause":"no room","remedy":"make some",)"
      R"("findings":[{"id":"tree.x","title":"t","seen":"s","breaks":"b"}],"notes":["log: l"]})");
  EXPECT_EQ(why_not(document, "failed"), "");
  const auto why = why_not(document, "dumped");
  for (const char* part : {"FAILED", "tree.x: t: s; b", "cause: no room", "remedy: make some", "log: l"})
    EXPECT_TRUE(why.contains(part)) << why;
}

}  // namespace
}  // namespace cg::demo
