#include "kconfig/definitions.h"

#include <gtest/gtest.h>

namespace cg {
namespace {

TEST(Definitions, FindsEachDefinitionAndItsOwnDependencies) {
  SymbolDefinitions found;
  scan_definitions_text(
      "menuconfig NET\n\tbool \"Networking\"\n\nif NET\n\nconfig NETLINK_DIAG\n\ttristate \"NETLINK\"\n\tdepends on INET && X\n"
      "\tdepends on Y\n\thelp\n\t  config that is only help text\n\nendif\ndepends on LOOSE\nconfig NET\n\tbool\n",
      "net/Kconfig", found);
  EXPECT_EQ(found.count("NET"), 2U);
  ASSERT_EQ(found.count("NETLINK_DIAG"), 1U);
  const auto& diag = found.find("NETLINK_DIAG")->second;
  EXPECT_EQ(diag.line, 6U);
  EXPECT_EQ(diag.depends_on, (std::vector<std::string>{"INET && X", "Y"}));
  EXPECT_EQ(found.size(), 3U);
}

}  // namespace
}  // namespace cg
