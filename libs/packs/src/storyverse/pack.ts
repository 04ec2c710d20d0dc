import { definePack } from '@tallyfleet/domain'

const ELEMENTS = ['universe', 'character', 'theme', 'moral_lesson']
const READABLE = ['story', 'chapter']

/**
 * Stories for children, made of universes, characters, themes and moral lessons. `recommend` counts a suggestion that
 * was shown, `select` one that was taken. `age_group` is a range of years such as `6-8`.
 */
export const storyverse = definePack({
  domain: 'storyverse',
  title: 'Story platform',
  description: 'Creation, reading and feedback of stories, and what they are made of',
  entityTypes: {
    story: {
      title: 'Story',
      catalog: {
        table: 'storyverse_stories',
        key: { column: 'id' },
        tenantColumn: 'tenant',
        titleColumn: 'title',
        totals: {
          read: 'times_read', like: 'likes', bookmark: 'bookmarks', share: 'shares', feedback: 'feedbacks',
        },
        columns: {
          title: { type: 'string', title: 'Title' },
          summary: { type: 'text', title: 'Summary' },
          author: { type: 'string', dimension: true, title: 'Author (id)' },
          universes: { type: 'list', dimension: true, title: 'Universes' },
          characters: { type: 'list', dimension: true, title: 'Characters' },
          theme: { type: 'string', dimension: true, title: 'Theme' },
          moral_lesson: { type: 'string', dimension: true, title: 'Moral lesson' },
          age_group: { type: 'string', dimension: true, title: 'Age group' },
          minimum_age: { type: 'integer', title: 'Youngest reader in years' },
          language: { type: 'string', dimension: true, title: 'Language' },
          images: { type: 'list', title: 'Images' },
          created_at: { type: 'datetime', title: 'Added' },
          updated_at: { type: 'datetime', title: 'Changed' },
        },
        quality: {
          fields: {
            summary: 'summary', author: 'author', characters: 'characters', theme: 'theme', age: 'age_group',
            language: 'language', image: 'images',
          },
          category: 'theme',
        },
      },
    },
    chapter: { title: 'Chapter' },
    universe: {
      title: 'Universe',
      catalog: {
        table: 'storyverse_universes',
        key: { column: 'id' },
        tenantColumn: 'tenant',
        titleColumn: 'name',
        totals: { select: 'selections', recommend: 'recommendations' },
        columns: {
          name: { type: 'string', title: 'Name' },
          description: { type: 'text', title: 'Description' },
          age_group: { type: 'string', dimension: true, title: 'Age group' },
          themes: { type: 'list', dimension: true, title: 'Themes' },
        },
      },
    },
    character: {
      title: 'Character',
      catalog: {
        table: 'storyverse_characters',
        key: { column: 'id' },
        tenantColumn: 'tenant',
        titleColumn: 'name',
        totals: { select: 'selections', recommend: 'recommendations' },
        columns: {
          name: { type: 'string', title: 'Name' },
          description: { type: 'text', title: 'Description' },
          universe: { type: 'string', dimension: true, title: 'Universe (id)' },
          age_group: { type: 'string', dimension: true, title: 'Age group' },
        },
      },
    },
    theme: { title: 'Theme' },
    moral_lesson: { title: 'Moral lesson' },
    feature: { title: 'Product feature' },
    page: { title: 'Page' },
  },
  actions: {
    page_view: { title: 'Page view', entityTypes: ['page', 'story'] },
    click: { title: 'Click' },
    story_creation: {
      title: 'Story created',
      entityTypes: ['story'],
      measures: { creation_time: { property: 'creation_time', unit: 'second', max: 604_800 } },
    },
    read: {
      title: 'Read',
      entityTypes: READABLE,
      measures: { reading_time: { property: 'reading_seconds', unit: 'second', max: 86_400 } },
    },
    like: { title: 'Like', entityTypes: READABLE },
    bookmark: { title: 'Bookmark', entityTypes: READABLE },
    share: { title: 'Share', entityTypes: READABLE },
    feedback: {
      title: 'Feedback',
      entityTypes: ['story'],
      measures: { stars: { property: 'rating', unit: 'star', max: 5 } },
    },
    comment: { title: 'Comment', entityTypes: READABLE },
    recommend: { title: 'Suggested', entityTypes: [...ELEMENTS, 'story'] },
    select: { title: 'Selected', entityTypes: [...ELEMENTS, 'story'] },
    feature_use: { title: 'Feature used', entityTypes: ['feature'] },
  },
})
