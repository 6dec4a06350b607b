/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AGILIO_ENCODE_H
#define AGILIO_ENCODE_H

#include "../abi/action.h"
#include "../abi/key.h"
#include "rule.h"

/**
 * struct agl_image - a rule as the firmware's bytes
 * @key_len: bytes of @key and of @mask
 * @act_len: bytes of @act
 * @shortcut: the actions in one word, AGL_SHORTCUT_ or a port id
 * @key: values; the mask id is still to come
 * @mask: which bits to compare
 * @act: action list
 */
struct agl_image {
	unsigned int key_len;
	unsigned int act_len;
	u32 shortcut;
	u8 key[AGL_KEY_MAX];
	u8 mask[AGL_KEY_MAX];
	u8 act[AGL_ACT_LIST_MAX];
};

int agl_encode_match(const struct agl_rule *rule, u64 features,
		     struct agl_image *image);
int agl_encode_actions(const struct agl_rule *rule, struct agl_image *image);

#endif
