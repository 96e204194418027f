// Words of the command line: forms, sizes, UUIDs, injections.
#include <gtest/gtest.h>

#include "image/disk/uuid.h"
#include "image/formats.h"
#include "image/options/size.h"
#include "image/tree/change.h"

namespace cg::image {
namespace {

// A form without a writer would come out as ext4, under another name.
TEST(Forms, EachIsMadeByAWriterOfItsOwn) {
  for (const auto& name : form_names()) {
    const auto form = parse_form(name);
    ASSERT_TRUE(form) << name;
    const Format& format = *format_of(form->file_system);
    if (format.content == ContentKind::ext) continue;
    EXPECT_TRUE(format.write != nullptr) << name;
    EXPECT_NE(format.filling, Format::Filling::in_place) << name;
    EXPECT_EQ(format.write_tree != nullptr, format.filling == Format::Filling::beside) << name;
  }
}

TEST(ParseSize, TakesUnitsAndFractions) {
  EXPECT_EQ(parse_size("4096").value(), 4096U);
  EXPECT_EQ(parse_size("64K").value(), 65536U);
  EXPECT_EQ(parse_size("1.5G").value(), 1610612736U);
  EXPECT_EQ(parse_size("2m").value(), 2097152U);
}

TEST(ParseSize, RefusesWhatIsNoSize) {
  for (const char* text : {"", "M", "-1", "12X", "1e9", "1 M", "99999999999T", "nan", "inf", "0x10"}) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().kind, ErrorKind::usage);
  }
}

TEST(ParseSizePolicy, KnowsAutomaticAndFixed) {
  EXPECT_FALSE(parse_size_policy("auto").value().fixed);
  EXPECT_EQ(parse_size_policy("auto+64M").value().extra, 64U << 20);
  EXPECT_EQ(parse_size_policy("512M").value().fixed, 512U << 20);
  EXPECT_FALSE(parse_size_policy("auto64M"));
  EXPECT_FALSE(parse_size_policy("10K"));
}

TEST(Uuid, ReadsWhatItWrites) {
  const std::string text = "01234567-89ab-cdef-0123-456789abcdef";
  EXPECT_EQ(to_string(parse_uuid(text).value()), text);
  for (const char* bad :
       {"", "0123", "01234567-89ab-cdef-0123-456789abcdeg", "0123456789ab-cdef-0123-456789abcdef-"})
    EXPECT_FALSE(parse_uuid(bad)) << bad;
}

TEST(Uuid, IsDerivedFromTheTextAlone) {
  EXPECT_EQ(derive_uuid("a"), derive_uuid("a"));
  EXPECT_NE(derive_uuid("a"), derive_uuid("b"));
  EXPECT_EQ(to_string(derive_uuid("a"))[14], '8');
}

TEST(ParseInjection, TakesTwoThreeOrFiveFields) {
  const auto two = parse_injection("a:/b").value();
  EXPECT_EQ(two.source, "a");
  EXPECT_EQ(two.destination, "/b");
  EXPECT_FALSE(two.mode);
  const auto five = parse_injection("a:/b:4755:1:2").value();
  EXPECT_EQ(five.mode, 04755U);
  EXPECT_EQ(five.uid, 1U);
  EXPECT_EQ(five.gid, 2U);
  for (const char* bad : {"a", "a:", ":b", "a:b:8", "a:b:755:1", "a:b:755:x:1", "a:b:77777", "a:b:755:1:2:3"})
    EXPECT_FALSE(parse_injection(bad)) << bad;
}

TEST(ParseInjection, ABackslashKeepsAColon) {
  const auto item = parse_injection("dir/a\\:b:/x\\:y").value();
  EXPECT_EQ(item.source, "dir/a:b");
  EXPECT_EQ(item.destination, "/x:y");
}

}  // namespace
}  // namespace cg::image
