# Text files into a C source, in pure CMake. As a module: socle_embed(OUTPUT FUNCTION file ...) makes OUTPUT at build time,
# with `const char *FUNCTION(const char *name)` that gives a file's text by its name, or NULL. Run as a script it does it.

if(CMAKE_SCRIPT_MODE_FILE)
    set(entries "")
    set(arrays "")
    set(number 0)
    foreach(file ${FILES})
        file(READ ${file} hex HEX)
        string(REGEX REPLACE "(................................)" "\\1\n    " hex "${hex}")
        string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1, " hex "${hex}")
        string(REPLACE " \n" "\n" hex "${hex}")
        get_filename_component(name ${file} NAME)
        string(APPEND arrays "static const unsigned char text_${number}[] = { /* ${name} */\n    ${hex}0x00\n};\n")
        string(APPEND entries "    { \"${name}\", text_${number} },\n")
        math(EXPR number "${number} + 1")
    endforeach()
    file(WRITE ${OUTPUT} "/* Generated. */\n#include <string.h>\n\n${arrays}\n"
         "const char *${FUNCTION}(const char *name);\nconst char *${FUNCTION}(const char *name)\n{\n"
         "    static const struct {\n        const char *name;\n        const unsigned char *text;\n    } files[] = {\n${entries}    };\n"
         "    for (size_t i = 0; i < sizeof files / sizeof *files; i++)\n"
         "        if (strcmp(files[i].name, name) == 0)\n            return (const char *)files[i].text;\n"
         "    return NULL;\n}\n")
    return()
endif()

set(SOCLE_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(socle_embed output function)
    add_custom_command(OUTPUT ${output}
                       COMMAND ${CMAKE_COMMAND} "-DOUTPUT=${output}" "-DFUNCTION=${function}" "-DFILES=${ARGN}"
                               -P ${SOCLE_EMBED_SCRIPT}
                       DEPENDS ${ARGN} ${SOCLE_EMBED_SCRIPT} VERBATIM COMMENT "Embedding kernel sources")
endfunction()
