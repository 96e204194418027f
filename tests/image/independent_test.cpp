// Every file of an image as debugfs sees it, against what went in: content, kind, mode, owner, time to the
// nanosecond, number of names, attributes (capabilities and ACLs among them), and which blocks are holes.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "base/process.h"
#include "base/text.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

// The value of security.capability for cap_net_admin,cap_sys_admin+ep, and an ACL with a named user and a
// mask.
const std::string capability(
    "\x01\x00\x00\x02\x00\x10\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20);

// As an attribute carries it, and in the shorter form that ext4 stores (fs/ext4/acl.h).
enum class AclForm { attribute, stored };
std::string acl(AclForm form) {
  const bool attribute = form == AclForm::attribute;
  std::string value(attribute ? "\x02\x00\x00\x00" : "\x01\x00\x00\x00", 4);
  struct Item {
    std::uint16_t tag;
    std::uint16_t permissions;
    std::uint32_t id = UINT32_MAX;
  };
  for (const Item& item : {Item{0x01, 6}, Item{0x02, 7, 1000}, Item{0x04, 4}, Item{0x10, 7}, Item{0x20, 4}})
    value.append(reinterpret_cast<const char*>(&item), attribute || item.id != UINT32_MAX ? 8 : 4);
  return value;
}

std::vector<TarEntry> everything() {
  std::mt19937 random(3);
  const auto noise = [&](std::size_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  };
  std::string holes = noise(40 * 4096 + 17);
  for (const std::size_t block : {0, 3, 4, 5, 20, 39})
    holes.replace(block * 4096, 4096, std::string(4096, '\0'));
  std::string last_is_hole = noise(8192);
  last_is_hole.append(5000, '\0');
  std::vector<TarEntry> entries = {
      {.path = "bin", .type = 'd', .mode = 0755, .uid = 3, .gid = 4, .mtime = 1600000000, .nanoseconds = 7},
      {.path = "bin/tool",
       .content = noise(70000),
       .mode = 04755,
       .mtime = 1234567890,
       .nanoseconds = 999999999,
       .xattrs = {{"security.capability", capability}}},
      {.path = "bin/again", .type = 'h', .content = "bin/tool"},
      {.path = "bin/third", .type = 'h', .content = "bin/tool"},
      {.path = "acl",
       .content = "acl",
       .mode = 0674,
       .xattrs = {{"system.posix_acl_access", acl(AclForm::attribute)}}},
      {.path = "acls",
       .type = 'd',
       .mode = 02775,
       .xattrs = {{"system.posix_acl_default", acl(AclForm::attribute)}}},
      {.path = "many",
       .content = "x",
       .xattrs = {{"user.empty", ""},
                  {"user.text", "text"},
                  {"trusted.overlay.opaque", "y"},
                  {"user.long", std::string(3000, 'l')},
                  {"security.ima", std::string("\x03\x02\x00\xff", 4)}}},
      {.path = "holes", .content = holes},
      {.path = "last", .content = last_is_hole},
      {.path = "zeros", .content = std::string(100000, '\0')},
      {.path = "empty", .uid = 4000000000, .gid = 70000},
      {.path = "old", .content = "old", .mtime = -1000000000},
      {.path = "future", .content = "future", .mtime = 9000000000, .nanoseconds = 1},
      {.path = "short", .type = 'l', .content = "bin/tool", .mode = 0777},
      {.path = "long", .type = 'l', .content = std::string(1000, 'l'), .mode = 0777},
      {.path = "null", .type = 'c', .mode = 0666, .major = 1, .minor = 3},
      {.path = "disk", .type = 'b', .mode = 0660, .gid = 6, .major = 259, .minor = 70000},
      {.path = "pipe", .type = 'p', .mode = 0600},
  };
  for (int i = 0; i < 300; ++i)
    entries.push_back(
        {.path = fmt::format("dir/name{:03}", i), .content = noise(static_cast<std::size_t>(i) * 41)});
  return entries;
}

// "key" up to the next blank; the first one that stands after `after`.
std::string field(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return "(none)";
  std::istringstream rest{std::string(text.substr(at + key.size(), 200))};
  std::string word;
  rest >> word;
  return word;
}

// The blocks that EXTENTS lists.
std::set<std::uint64_t> blocks_in(std::string_view text) {
  std::set<std::uint64_t> blocks;
  const auto at = text.find("EXTENTS:");
  if (at == std::string_view::npos) return blocks;
  for (auto open = text.find('(', at); open != std::string_view::npos; open = text.find('(', open + 1)) {
    std::uint64_t first = 0;
    const char* const end = text.data() + text.size();
    const auto [next, error] = std::from_chars(text.data() + open + 1, end, first);
    if (error != std::errc{}) continue;  // "(ETB0)": a block of the tree itself
    std::uint64_t last = first;
    if (*next == '-') std::from_chars(next + 1, end, last);
    for (std::uint64_t block = first; block <= last; ++block) blocks.insert(block);
  }
  return blocks;
}

std::set<std::uint64_t> blocks_with_data(const std::string& content) {
  std::set<std::uint64_t> blocks;
  for (std::size_t at = 0; at < content.size(); at += 4096)
    if (content.substr(at, 4096).find_first_not_of('\0') != std::string::npos) blocks.insert(at / 4096);
  return blocks;
}

class Independent : public ImageCase {
 protected:
  void SetUp() override {
    NEEDS_PROGRAM("debugfs");
    NEEDS_PROGRAM("e2fsck");
  }
  void expect_all(const std::string& image, std::uint64_t offset, const std::vector<TarEntry>& entries) {
    ASSERT_TRUE(is_clean(image, offset));
    // One run of debugfs for all, which names each request before its answer.
    {
      std::ofstream requests(path("requests"));
      for (const TarEntry& entry : entries) requests << "stat /" << entry.path << "\n";
    }
    const std::string where = offset ? fmt::format("{}?offset={}", image, offset) : image;
    const auto said = run_checked({"debugfs", "-f", text("requests"), where},
                                  {.set_variables = {{"LC_ALL", "C"}, {"TZ", "UTC"}, {"PAGER", "cat"}}});
    ASSERT_TRUE(said) << said.error().message;
    fs::create_directories(path("dump"));
    ASSERT_TRUE(run_checked({"debugfs", "-R", "rdump / " + text("dump"), where}));
    std::map<std::string, const TarEntry*> named;
    std::map<std::string, unsigned> names;
    for (const TarEntry& entry : entries) {
      named[entry.path] = &entry;
      ++names[entry.type == 'h' ? entry.content : entry.path];
    }
    for (const TarEntry& entry : entries) {
      const std::string begin = "debugfs: stat /" + entry.path + "\n";
      const auto at = said->find(begin);
      ASSERT_NE(at, std::string::npos) << entry.path;
      const auto end = said->find("debugfs: ", at + 1);
      const std::string answer = said->substr(at + begin.size(), end - at - begin.size());
      const TarEntry& file = entry.type == 'h' ? *named.at(entry.content) : entry;
      expect_one(answer, entry.path, file, names[entry.type == 'h' ? entry.content : entry.path], where);
    }
    fs::remove_all(path("dump"));
  }

 private:
  void expect_one(const std::string& answer, const std::string& name, const TarEntry& file, unsigned names,
                  const std::string& where) {
    SCOPED_TRACE(name + "\n" + answer);
    const std::map<char, std::string> types = {{'f', "regular"},   {'d', "directory"}, {'l', "symlink"},
                                               {'c', "character"}, {'b', "block"},     {'p', "FIFO"}};
    EXPECT_EQ(field(answer, "Type:"), types.at(file.type));
    EXPECT_EQ(std::strtoul(field(answer, "Mode:").c_str(), nullptr, 8), file.mode);
    // debugfs writes it with a sign.
    EXPECT_EQ(field(answer, "User:"), std::to_string(static_cast<std::int32_t>(file.uid)));
    EXPECT_EQ(field(answer, "Group:"), std::to_string(file.gid));
    const auto low = static_cast<std::int32_t>(file.mtime & 0xffffffff);
    const auto epoch = static_cast<std::uint32_t>((file.mtime - low) >> 32) & 3;
    EXPECT_EQ(field(answer, " mtime:"),
              fmt::format("0x{:08x}:{:08x}", static_cast<std::uint32_t>(low),
                          static_cast<std::uint32_t>(file.nanoseconds) << 2 | epoch));
    if (file.type != 'd') {
      EXPECT_EQ(field(answer, "Links:"), std::to_string(names));
    }
    if (file.type == 'f') {
      EXPECT_EQ(field(answer, "Size:"), std::to_string(file.content.size()));
      EXPECT_TRUE(blocks_in(answer) == blocks_with_data(file.content));
      EXPECT_TRUE(bytes_of(path("dump/" + name)) == file.content);
    }
    if (file.type == 'l') {
      EXPECT_EQ(fs::read_symlink(path("dump/" + name)).string(), file.content);
    }
    if (file.type == 'c' || file.type == 'b') {
      EXPECT_TRUE(
          answer.contains(fmt::format("Device major/minor number: {:02}:{:02}", file.major, file.minor)));
    }
    // Each attribute, and no other.
    EXPECT_EQ(answer.contains("Extended attributes:"), !file.xattrs.empty());
    if (file.xattrs.empty()) return;
    const std::string listed = debugfs_of(where, "ea_list /" + name);
    EXPECT_EQ(std::ranges::count(listed, '('), static_cast<std::ptrdiff_t>(file.xattrs.size())) << listed;
    for (const auto& [key, value] : file.xattrs) {
      fs::remove(path("value"));
      (void)debugfs_of(where, fmt::format("ea_get -r -f {} /{} {}", text("value"), name, key));
      const bool is_acl = key.starts_with("system.posix_acl_");
      EXPECT_TRUE(bytes_of(path("value")) == (is_acl ? acl(AclForm::stored) : value)) << key;
    }
  }
  static std::string debugfs_of(const std::string& where, const std::string& request) {
    const auto said =
        run({"debugfs", "-R", request, where}, {.set_variables = {{"LC_ALL", "C"}, {"PAGER", "cat"}}});
    return said ? said->out : said.error().message;
  }
};

TEST_F(Independent, SeesWhatATarHeld) {
  const auto entries = everything();
  const std::string image = image_of(entries);
  expect_all(image, 0, entries);
  // And after an edit elsewhere in it, in another form.
  ASSERT_EQ(rootfs_builder({"mkdir", image, "/made/by/an/edit"}).status, 0);
  expect_all(image, 0, entries);
  const auto converted = rootfs_builder({"convert", image, "--form", "gpt", "-o", text("disk.img")});
  ASSERT_EQ(converted.status, 0) << converted.err;
  expect_all(text("disk.img"), 1 << 20, entries);
}

}  // namespace
}  // namespace cg
