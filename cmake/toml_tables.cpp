// toml-tables FILE NAME: writes C++ that defines cg::data::NAME, the nodes of a TOML file, to standard
// output. It runs when the project is built, and knows nothing of what the file says.
#include <fmt/format.h>

#include <iostream>
#include <string>

#include "base/toml/toml.h"

namespace {

std::string literal(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      result += {'\\', c};
    else if (byte < 0x20 || byte >= 0x7f)
      result += fmt::format("\\{:03o}", byte);
    else
      result += c;
  }
  return result + "\"sv";
}

const char* name_of(cg::TomlNode::Kind kind) {
  constexpr const char* names[] = {"string", "integer", "floating", "boolean",
                                   "date",   "time",    "array",    "table"};
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    std::cerr << "toml-tables FILE NAME\n";
    return 2;
  }
  const auto document = cg::load_toml(words[1]);
  if (!document) {
    std::cerr << document.error().message << "\n";
    return 1;
  }
  std::cout
      << "#include \"base/toml/toml_node.h\"\n\nnamespace cg::data {\n\nusing namespace std::literals;\n"
         "using Kind = TomlNode::Kind;\n\n"
      << fmt::format("extern const TomlNode {0}[];\nconstinit const TomlNode {0}[] = {{\n", words[2]);
  for (const cg::TomlNode& node : document->nodes())
    std::cout << fmt::format("    {{Kind::{}, {}, {}, {}, {}, {}, {}}},\n", name_of(node.kind), node.line,
                             node.column, node.size, node.integer, literal(node.key), literal(node.text));
  std::cout << "};\n\n}  // namespace cg::data\n";
  return std::cout.flush() ? 0 : 3;
}
