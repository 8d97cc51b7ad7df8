#include "text.h"

/* Length of the well-formed sequence at s (RFC 3629: no overlong forms, no surrogates), 0 if there is none. */
static size_t sequence(const unsigned char *s)
{
    size_t n = s[0] < 0x80                   ? 1
               : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
               : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
               : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) /* the terminator too */
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

void text_clean(char *text)
{
    for (unsigned char *s = (unsigned char *)text; *s != '\0';) {
        size_t n = sequence(s);
        if (n == 0)
            *s = '?';
        else if (*s < ' ' || *s == 0x7f)
            *s = ' ';
        else if (n == 2 && s[0] == 0xc2 && s[1] < 0xa0)
            s[0] = s[1] = ' ';
        s += n > 0 ? n : 1;
    }
}

size_t text_step(const char *text)
{
    size_t n = sequence((const unsigned char *)text);
    return n > 0 ? n : 1;
}

size_t text_count(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text += text_step(text))
        n++;
    return n;
}
