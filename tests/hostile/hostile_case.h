// What the tests of hostile input share: what is refused names its reason and leaves nothing.
#pragma once

#include "base/process.h"
#include "image/support/image_case.h"

namespace cg {

class Hostile : public ImageCase {
 protected:
  void SetUp() override { NEEDS_PROGRAM("e2fsck"); }

  Outcome create_from(std::string_view input, std::vector<std::string> more = {}) {
    std::vector<std::string> args = {"create", "--from", text(input), "-o", text("image.img")};
    args.insert(args.end(), more.begin(), more.end());
    return rootfs_builder(args);
  }
  Outcome create(const std::vector<TarEntry>& entries, std::vector<std::string> more = {}) {
    write_tar_file(path("input.tar"), entries);
    return create_from("input.tar", std::move(more));
  }
  // `named` is in the message, and nothing is beside the input afterwards.
  void expect_refused(const std::vector<TarEntry>& entries, std::string_view named,
                      std::vector<std::string> more = {}) {
    const auto outcome = create(entries, std::move(more));
    EXPECT_EQ(outcome.status, 1) << outcome.err;
    EXPECT_TRUE(outcome.err.contains(named)) << outcome.err;
    EXPECT_EQ(names_in(path("")), std::vector<std::string>{"input.tar"});
  }
  void expect_refused_file(std::string_view input, std::string_view named, int status = 1,
                           std::vector<std::string> more = {}) {
    const auto before = names_in(path(""));
    const auto outcome = create_from(input, std::move(more));
    EXPECT_EQ(outcome.status, status) << input << ": " << outcome.err;
    EXPECT_TRUE(outcome.err.contains(named)) << input << ": " << outcome.err;
    EXPECT_TRUE(outcome.err.contains(input)) << input << ": " << outcome.err;
    EXPECT_EQ(names_in(path("")), before) << input;
  }
};

}  // namespace cg
