#include "compress/archive_decoders.h"

#include <archive.h>
#include <gtest/gtest.h>

namespace cg {
namespace {

TEST(ArchiveDecoders, AreAllInThisLibarchive) {
  archive* const reader = archive_read_new();
  const auto done = support_decoders(reader);
  EXPECT_TRUE(done) << done.error().message;
  archive_read_free(reader);
}

}  // namespace
}  // namespace cg
