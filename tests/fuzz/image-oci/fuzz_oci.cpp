// OCI image layouts. The input is index.json and the blobs, with a line "----" between them; in all of them
// "@N@" stands for the digest of blob N, so that what is behind the check of digests is reached.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/sha256.h"
#include "fuzz/image_input.h"
#include "image/image_builder.h"
#include "image/sources/sources.h"

using namespace cg;
using namespace cg::image;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Scratch scratch;
  static const std::string separator = "\n----\n";
  std::vector<std::string> documents{""};
  for (std::string_view rest(reinterpret_cast<const char*>(data), size);;) {
    const auto end = rest.find(separator);
    documents.back() = rest.substr(0, end);
    if (end == std::string_view::npos || documents.size() == 6) break;
    documents.emplace_back();
    rest.remove_prefix(end + separator.size());
  }
  std::filesystem::create_directories(scratch / "oci/blobs/sha256");
  std::vector<std::string> digests(documents.size());
  // The last one first: a document names later ones.
  for (std::size_t i = documents.size(); i-- > 0;) {
    std::string& text = documents[i];
    for (std::size_t later = i + 1; later < documents.size(); ++later) {
      const std::string mark = "@" + std::to_string(later) + "@";
      for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at))
        text.replace(at, mark.size(), digests[later]);
    }
    digests[i] = sha256_hex(text);
    if (i > 0) scratch.put("oci/blobs/sha256/" + digests[i], text);
  }
  scratch.put("oci/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
  scratch.put("oci/index.json", documents[0]);
  const std::size_t files = scratch.count();
  {
    auto builder = ImageBuilder::create(scratch / "image", {.size = {.fixed = 4 << 20}});
    fuzz::require(builder.has_value(), "no image can be begun");
    const auto added = add_oci_layout(*builder, scratch / "oci");
    fuzz::require(added || !added.error().message.empty(), "an error without a message");
    fuzz::require(added || added.error().message.find("oci") != std::string::npos,
                  "an error that does not name the layout");
  }
  fuzz::require(scratch.count() == files, "something is left");
  std::filesystem::remove_all(scratch / "oci/blobs");
  return 0;
}
