// What an entry's name says of the layers below (OCI image specification, "Layer", "Whiteouts").
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace cg::image {

struct Whiteout {
  enum class Kind {
    none,     // an entry like others
    name,     // ".wh.NAME": `path` of the layers below is gone
    opaque,   // ".wh..wh..opq": all that they have in the directory `path` is
    ignored,  // other names with ".wh..wh.": notes of the storage driver that wrote the layer
  } kind = Kind::none;
  std::string path;  // from the image's root, without a "/" before it
};

// Refused: ".wh." before nothing, "." or "..", which are no names of anything; a directory with such a name,
// which no layer can hold.
Result<Whiteout> whiteout_of(std::string_view path);

}  // namespace cg::image
