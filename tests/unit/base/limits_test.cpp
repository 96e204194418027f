// docs/hostile-input.md's table of what input may cost is the one that is compiled in.
#include "base/limits.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "base/file.h"
#include "base/text.h"

namespace cg {
namespace {

TEST(Limits, AreThoseOfThePage) {
  const std::map<std::string, std::uint64_t> compiled = {
      {"links", limits::links},
      {"link_bytes", limits::link_bytes},
      {"name_bytes", limits::name_bytes},
      {"path_bytes", limits::path_bytes},
      {"target_bytes", limits::target_bytes},
      {"program_path_bytes", limits::program_path_bytes},
      {"entries", limits::entries},
      {"names_of_file", limits::names_of_file},
      {"file_bytes", limits::file_bytes},
      {"directory_bytes", limits::directory_bytes},
      {"attribute_bytes", limits::attribute_bytes},
      {"archive_bytes", limits::archive_bytes},
      {"archive_ratio", limits::archive_ratio},
      {"initrd_least_bytes", limits::initrd_least_bytes},
      {"initrd_ratio", limits::initrd_ratio},
      {"initrd_most_bytes", limits::initrd_most_bytes},
      {"package_bytes", limits::package_bytes},
      {"oci_document_bytes", limits::oci_document_bytes},
      {"oci_index_depth", limits::oci_index_depth},
      {"image_members", limits::image_members},
      {"accounts_bytes", limits::accounts_bytes},
      {"loader_file_bytes", limits::loader_file_bytes},
      {"loader_files", limits::loader_files},
      {"loader_directories", limits::loader_directories},
      {"checkpoint_files", limits::checkpoint_files},
      {"checkpoint_image_bytes", limits::checkpoint_image_bytes},
      {"checkpoint_record_bytes", limits::checkpoint_record_bytes},
      {"checkpoint_bytes", limits::checkpoint_bytes},
      {"checkpoint_pages", limits::checkpoint_pages},
      {"checkpoint_parents", limits::checkpoint_parents},
  };
  std::map<std::string, std::uint64_t> written;
  const auto page = read_file(CG_SOURCE_DIR "/docs/hostile-input.md");
  ASSERT_TRUE(page) << page.error().message;
  const std::string table = page->substr(page->find("## What input may cost"));
  for (const auto line : split_lines(table)) {
    if (!line.starts_with("| `")) {
      if (line.starts_with("## Failures")) break;
      continue;
    }
    const auto fields = split(line, '|');
    written[std::string(trim(fields[1])).substr(1, trim(fields[1]).size() - 2)] =
        std::stoull(std::string(trim(fields[2])));
  }
  EXPECT_EQ(written, compiled);
  // And none is left out.
  const auto header = read_file(CG_SOURCE_DIR "/lib/base/limits.h");
  ASSERT_TRUE(header) << header.error().message;
  std::size_t lines = 0;
  for (const auto line : split_lines(*header)) lines += line.starts_with("inline constexpr ");
  EXPECT_EQ(lines, compiled.size() + 4) << "beside the four units of bytes";
}

}  // namespace
}  // namespace cg
