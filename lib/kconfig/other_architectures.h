// Symbols of the architectures that a tree was not read for.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cg::kconfig {

// The folders below arch/ whose Kconfig files define `symbol`, in order; none where there is no such
// directory.
std::vector<std::string> architectures_with(const std::filesystem::path& tree, std::string_view symbol);

}  // namespace cg::kconfig
