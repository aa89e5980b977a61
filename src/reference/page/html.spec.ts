import { describe, expect, it } from '@jest/globals';

import { html, prose } from './html.js';

describe('What is put into the page', () => {
  it('is text, whatever it says', () => {
    expect(html`<p title="${'"x"'}">${'<script>&'}</p>`.text).toBe('<p title="&quot;x&quot;">&lt;script&gt;&amp;</p>');
    expect(prose('`<b>` & more').text).toBe('<code>&lt;b&gt;</code> &amp; more');
  });

  it('is HTML where it was made as such', () => {
    const items = ['a', '<'].map((text) => html`<li>${text}</li>`);

    expect(html`${items}`.text).toBe('<li>a</li><li>&lt;</li>');
    expect(html`${html`<b>${3}</b>`}`.text).toBe('<b>3</b>');
  });
});
